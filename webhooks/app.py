"""The Flask application: what happens to every request before and after its own handler."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from flask import Flask, Response, g, request
from sqlalchemy import Engine
from werkzeug.exceptions import RequestEntityTooLarge

from integration import db
from integration import settings as process_settings
from integration.runtime import Runtime
from integration.settings import Settings
from tasks import wake as waking
from webhooks import errors, events, health, install, manifest, metrics
from webhooks.auth import TokenRefused, Verifier
from webhooks.errors import Refusal
from webhooks.services import EXTENSION, Services, services

log = logging.getLogger("webhooks")

#: A payload of the ERP has a few ids; 64 KiB is far beyond any of them.
MAX_BODY_BYTES = 64 * 1024

#: For an install, where somebody waits for the page.
ERP_ANSWERS_WITHIN_S = 12.0

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_app(
    settings: Settings | None = None,
    engine: Engine | None = None,
    *,
    wake: Callable[[], None] = waking.wake,
    broker_state: Callable[[], str] = waking.broker_state,
) -> Flask:
    """The application; by default with the settings and the engine of this process.

    Raises: UsageError for a malformed RELAY_APP_JWK, and for a database that must be migrated.
    """
    settings = settings or process_settings.current()
    verifier = Verifier(settings.app_jwk, settings.app_identifier)
    runtime = Runtime(settings, engine or db.engine(), read_timeout_s=ERP_ANSWERS_WITHIN_S)
    own = Services(runtime, verifier, wake, broker_state)
    _check_at_start(own)
    app = Flask("webhooks", static_folder=None)
    app.extensions[EXTENSION] = own
    # One more than allowed: a chunked body, which announces no length, is cut at this limit
    # without a word, and only the extra byte tells that it was longer.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    # A doubled slash is a wrong address: the ERP would not repeat its POST for a redirect.
    app.url_map.merge_slashes = False
    app.before_request(_begin)
    app.before_request(_guard)
    app.after_request(_finish)
    errors.register(app)
    app.register_blueprint(events.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(manifest.blueprint)
    app.register_blueprint(install.blueprint)
    return app


def _check_at_start(own: Services) -> None:
    """Warn of what only an operator can mend; a database that is away mends itself."""
    if not own.verifier.can_verify:
        log.warning(
            "RELAY_APP_JWK or RELAY_APP_IDENTIFIER is not set: every call of the ERP is refused"
        )
    try:
        own.check_schema()
    except errors.DATABASE_AWAY as error:
        log.warning("event=database.away at=start class=%s", type(error).__name__)


def _begin() -> None:
    g.began_at = time.perf_counter()
    given = request.headers.get("x-request-id", "")
    # Only a harmless one is taken over: it comes before any proof of who calls.
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _guard() -> None:
    """Everything under /api: not too large, then proven. Holds for unknown addresses too."""
    if not request.path.startswith("/api"):
        return
    _read_body()
    try:
        g.app_token = services().verifier.verify(_authorization())
    except TokenRefused as error:
        raise Refusal(401, "UNAUTHORIZED", "", detail=str(error)) from error


def _authorization() -> str | None:
    """The proof of the caller: a header; of an app without a page also a parameter."""
    header = request.headers.get("Authorization")
    if header is None and request.method == "GET" and request.path in install.TOKEN_IN_QUERY:
        return f"Bearer {request.args.get('appToken', '')}"
    return header


def _read_body() -> None:
    """Read the body, which stays cached. Raises: Refusal if it is too large."""
    try:
        length = len(request.get_data())
    except RequestEntityTooLarge as error:
        raise errors.too_large(MAX_BODY_BYTES) from error
    if length > MAX_BODY_BYTES:
        raise errors.too_large(MAX_BODY_BYTES)


def _finish(response: Response) -> Response:
    response.headers["x-request-id"] = g.request_id
    return response
