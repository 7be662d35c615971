"""Is this process alive, and can it take webhooks?"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from webhooks.services import services

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz", provide_automatic_options=False)
def healthz() -> Response:
    """The process answers; asks nothing of anybody else."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz", provide_automatic_options=False)
def readyz() -> Response:
    """The database is there, which is all that a webhook needs; the broker is reported.

    A database that is away is answered by the error handlers: 503 with a sentence.
    """
    # Taking a connection proves it: the pool tests one of Postgres before it hands it out.
    # No statement, because on SQLite that would wait for whoever is writing.
    with services().engine.connect():
        pass
    services().check_schema()
    return jsonify({"status": "ready", "database": "ok", "broker": services().broker_state()})
