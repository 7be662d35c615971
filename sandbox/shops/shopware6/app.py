"""Puts the shop together: options in, Flask app out."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from sandbox import faults, requests_log, serving
from sandbox.apps import SandboxApp

from . import admin, admin_faults, api, seed, wire
from .errors import ApiError
from .shop import Options, Shop


def create_app(options: Options | None = None, url: str = "") -> Flask:
    """The sandbox shop. `url` is the address it is served under, for the credentials."""
    options = options or Options()
    shop, log = Shop(options), requests_log.RequestsLog()
    app = SandboxApp(__name__, static_folder=None)
    app.url_map.converters["uuid32"] = api.UuidConverter
    app.url_map.converters[requests_log.ENTITY] = api.EntityConverter
    app.config["SHOP"] = shop
    app.config["CLOSE"] = shop.faults.clear  # lets held requests go
    app.config["CREDENTIALS"] = {
        "shop_url": url, "client_id": options.client_id, "client_secret": options.client_secret,
        "sales_channel_id": seed.STOREFRONT, "currency": "EUR"}
    requests_log.install(app, log)
    admin_faults.install(app, shop)
    faults.install(app, shop.faults, error_body=_fault_body)
    app.register_blueprint(api.blueprint(shop))
    app.register_blueprint(admin.blueprint(shop, log))
    app.register_error_handler(ApiError, api.handle)
    app.register_error_handler(HTTPException, _unknown_route)

    @app.after_request
    def echo_language(response: Response) -> Response:
        if "sw-language-id" in request.headers:
            response.headers["sw-language-id"] = request.headers["sw-language-id"]
        return response

    return app


def serve(port: int = 0, options: Options | None = None) -> None:
    """Serve until told to stop; prints the ready line. Must run in the main thread."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    serving.serve(lambda url: create_app(options, url), port=port)


def _fault_body(status: int, sentence: str) -> dict[str, Any]:
    return {"errors": [{"code": "0", "status": str(status), "title": HTTPStatus(status).phrase,
                        "detail": sentence}]}


def _unknown_route(problem: HTTPException) -> Response:
    if request.path.startswith("/_sandbox"):
        return wire.answer({"error": problem.name.upper().replace(" ", "_"),
                            "message": problem.description}, problem.code or 500)
    return api.handle(problem)
