"""A stand-in for a WooCommerce 11 shop: the REST API v3 as it was recorded from a real one.

`create_app(options, url)` makes the Flask app, `serve(port, options)` runs it as a program.
"""

from .app import create_app, serve
from .shop import Options

__all__ = ["Options", "create_app", "serve"]
