"""A stand-in for the VARIO Cloud ERP: sign-on, VQL, the REST calls of a shop app, webhooks."""

from sandbox.erp.app import create_app, serve
from sandbox.erp.options import Options

__all__ = ["Options", "create_app", "serve"]
