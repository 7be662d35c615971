"""Puts the shop together: options in, Flask app out."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from sandbox import faults, requests_log, serving
from sandbox.apps import SandboxApp

from . import (
    admin,
    api,
    errors,
    media_routes,
    order_routes,
    product_routes,
    render,
    setup_routes,
    term_routes,
    tracking_routes,
    wire,
)
from .errors import ApiError
from .shop import Options, Shop

PHP_NOTICE = ("<br />\n<b>Deprecated</b>:  Creation of dynamic property Plugin::$x is deprecated "
              "in <b>/var/www/wp-content/plugins/some/some.php</b> on line <b>12</b><br />\n")


def create_app(options: Options | None = None, url: str = "") -> Flask:
    """The sandbox shop. `url` is the address it is served under, for the credentials."""
    options = options or Options()
    shop, log = Shop(options, url), requests_log.RequestsLog()
    app = SandboxApp(__name__, static_folder=None)
    app.config["SHOP"] = shop
    app.config["CLOSE"] = shop.faults.clear  # lets held requests go
    app.config["CREDENTIALS"] = {
        "shop_url": url, "consumer_key": options.consumer_key,
        "consumer_secret": options.consumer_secret, "currency": options.currency,
        "wp_user": options.wp_user, "wp_password": options.wp_password}
    requests_log.install(app, log)
    _add_own_faults(app, shop)
    faults.install(app, shop.faults, error_body=_fault_body)
    _add_permalinks(app, shop)
    app.register_blueprint(_routes(shop))
    app.register_blueprint(media_routes.blueprint(shop))
    if options.tracking_plugin:
        app.register_blueprint(tracking_routes.plugin(shop, options.tracking_plugin))
    app.register_blueprint(admin.blueprint(shop, log))
    app.register_error_handler(ApiError, _refused)
    app.register_error_handler(HTTPException, _unknown_route)
    return app


def serve(port: int = 0, options: Options | None = None) -> None:
    """Serve until told to stop; prints the ready line. Must run in the main thread."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    serving.serve(lambda url: create_app(options, url), port=port)


def _routes(shop: Shop) -> Blueprint:
    routes = Blueprint("woocommerce_api", __name__, url_prefix=render.ROUTE)
    api.frame(shop, routes)
    for module in (product_routes, term_routes, order_routes, setup_routes):
        module.add(shop, routes)
    if shop.options.fulfillments:
        tracking_routes.add_fulfillments(shop, routes)
    return routes


def _add_permalinks(app: Flask, shop: Shop) -> None:
    """Without pretty permalinks the web server knows nothing below /wp-json."""

    @app.before_request
    def not_rewritten() -> Response | None:
        if shop.options.pretty_permalinks or request.path.startswith("/_sandbox"):
            return None
        return Response("<html><body><h1>404 Not Found</h1></body></html>", 404,
                        content_type="text/html")

    @app.get("/wp-json/")
    def index() -> Response:
        return wire.answer(setup_routes.index(shop))


def _add_own_faults(app: Flask, shop: Shop) -> None:
    """Faults that the shared routes know nothing of."""

    @app.before_request
    def arm_or_clear() -> Response | None:
        g.pop("own_fault", None)
        if request.path != "/_sandbox/faults":
            if not request.path.startswith("/_sandbox"):
                g.own_fault = shop.faults.take({"php-notice", "html-after"},
                                               f"{request.method} {request.path}")
            return None
        if request.method == "GET":
            return wire.answer({**shop.faults.describe(), "rejects": shop.rejects})
        body: Any = request.get_json(silent=True)
        if request.method == "DELETE":
            shop.rejects.clear()
        elif isinstance(body, dict) and body.get("kind") == "reject":
            return admin.arm_reject(shop, body)
        return None

    @app.after_request
    def bend(response: Response) -> Response:
        fault = g.get("own_fault")
        if fault is not None and fault.kind == "php-notice":
            response.set_data(PHP_NOTICE.encode() + response.get_data())
        elif fault is not None:
            return Response(faults.HTML_PAGE, 200, content_type="text/html; charset=utf-8")
        return response


def _fault_body(status: int, sentence: str) -> dict[str, Any]:
    return {"code": "sandbox_fault", "message": sentence, "data": {"status": status}}


def _refused(refusal: ApiError) -> Response:
    return wire.answer(refusal.body, refusal.status)


def _unknown_route(problem: HTTPException) -> Response:
    if request.path.startswith("/_sandbox"):
        return wire.answer({"error": problem.name.upper().replace(" ", "_"),
                            "message": problem.description}, problem.code or 500)
    # The router does not tell a wrong method from a wrong path.
    return _refused(errors.no_route())
