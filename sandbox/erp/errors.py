"""The ERP's error answer, and the exception that carries one out of a handler."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException


class ApiError(Exception):
    """Answered with `status` and an ApiError body that says `message`."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(status, message, code)
        self.status, self.message, self.code = status, message, code


def not_found(what: str) -> ApiError:
    return ApiError(404, f"{what} was not found.", "NOT_FOUND")


def invalid(message: str) -> ApiError:
    return ApiError(422, message, "VALIDATION")


def api_error_body(status: int, message: str, code: str = "") -> dict[str, Any]:
    """The vendor's shape, with a fresh tracking id."""
    text = {"formattedMessage": message, "messageCode": code or str(status),
            "messageParameters": []}
    return {
        "httpStatus": status,
        "instance": request.path,
        "timeOfOccurence": datetime.now(UTC).isoformat(),  # the vendor's spelling
        "trackingId": str(uuid.uuid4()),
        "errors": {"fieldErrors": {}, "services": [{"message": text, "property": None}]},
        "decisions": [],
    }


def install(app: Flask) -> None:
    """Answer ApiError and Flask's own refusals in the ERP's shape."""

    @app.errorhandler(ApiError)
    def refuse(error: ApiError) -> Response:
        return _answer(error.status, error.message, error.code)

    @app.errorhandler(HTTPException)
    def refuse_http(error: HTTPException) -> Response:
        return _answer(error.code or 500, error.description or "", error.name)


def _answer(status: int, message: str, code: str) -> Response:
    if request.path.startswith("/_sandbox"):
        response = jsonify(error=code or str(status), message=message)
    else:
        response = jsonify(api_error_body(status, message, code))
    response.status_code = status
    return response
