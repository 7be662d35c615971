"""Answers that are not a success: ``{"error": CODE, "message": sentence}``; 401 without a body."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, jsonify
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from integration.errors import UsageError

log = logging.getLogger("webhooks")

#: Sooner than the first repetition the ERP is expected to make (10 s, vario-erp.md 2.4).
RETRY_AFTER_S = 5

#: SQLAlchemy's names for "the database does not answer".
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class Refusal(Exception):
    """A planned answer. `detail` is for the log only."""

    def __init__(self, status: int, code: str, message: str, detail: str = "") -> None:
        super().__init__(status, code, message, detail)
        self.status, self.code, self.message, self.detail = status, code, message, detail


def register(app: Flask) -> None:
    """Make every refusal and every failure of `app` answer in our shape."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(PoolTimeout, _database_away)
    app.register_error_handler(UsageError, _not_set_up)
    app.register_error_handler(Exception, _unknown_error)


def too_large(limit: int) -> Refusal:
    return Refusal(413, "BODY_TOO_LARGE", f"The body is larger than {limit} bytes.")


def _refused(refusal: Refusal) -> Response:
    log.info(
        "event=webhook.refused status=%d code=%s%s request_id=%s",
        refusal.status,
        refusal.code,
        f" detail={refusal.detail}" if refusal.detail else "",
        g.request_id,
    )
    if refusal.status == 401:
        # An empty body, as the vendor's framework answers: nothing to learn for who tries.
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    response = _answer(refusal.status, refusal.code, refusal.message)
    if refusal.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _http_error(error: HTTPException) -> Response:
    """What Flask and Werkzeug refuse by themselves."""
    if isinstance(error, RequestEntityTooLarge):
        return _refused(Refusal(413, "BODY_TOO_LARGE", "The body is too large."))
    if isinstance(error, MethodNotAllowed):
        response = _refused(
            Refusal(405, "METHOD_NOT_ALLOWED", "This address does not know this method.")
        )
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response
    if error.code == 404:
        return _refused(Refusal(404, "NOT_FOUND", "There is nothing at this address."))
    code = error.name.upper().replace(" ", "_")
    return _refused(Refusal(error.code or 500, code, f"The request failed: {error.name}."))


def _database_error(error: DBAPIError) -> Response:
    if isinstance(error, DATABASE_AWAY) or error.connection_invalidated:
        return _database_away(error)
    if isinstance(error, IntegrityError):
        # The sales channel was removed between our look and our write.
        return _refused(
            Refusal(503, "CHANNELS_CHANGED", "The sales channels just changed; send it again.")
        )
    return _unknown_error(error)


def _database_away(error: Exception) -> Response:
    log.error("event=database.away class=%s request_id=%s", type(error).__name__, g.request_id)
    return _refused(
        Refusal(503, "DATABASE_AWAY", "The database does not answer; nothing was recorded.")
    )


def _not_set_up(error: UsageError) -> Response:
    """The database was away at the start, and is there now with another schema."""
    return _refused(Refusal(503, "NOT_SET_UP", str(error)))


def _unknown_error(error: Exception) -> Response:
    log.error("event=webhook.crashed request_id=%s", g.request_id, exc_info=error)
    return _answer(500, "UNKNOWN_ERROR", f"Something failed here; see request {g.request_id}.")


def _answer(status: int, code: str, message: str) -> Response:
    response = jsonify({"error": code, "message": message})
    response.status_code = status
    return response
