"""Install and uninstall of the app: the pages that the ERP opens, and what they call.

The pages come with tokens in their query (vario-erp.md 9). Only the script in the browser reads
them; it sends them in a header and a body, and nothing here ever writes a query anywhere.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, g, jsonify, make_response, render_template, request

from integration.errors import TenantError
from integration.installation.install import InstallRunning, OfflineTokenMissing, install
from integration.installation.report import Line, Words
from integration.installation.uninstall import uninstall
from webhooks.errors import Refusal
from webhooks.services import services

blueprint = Blueprint(
    "install",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/install-files",
)

#: Calls of apps without a page: the app token comes as a parameter (vario-erp.md 1.2).
TOKEN_IN_QUERY = ("/api/install", "/api/uninstall")


@blueprint.get("/install", provide_automatic_options=False)
def install_page() -> Response:
    """The page in which the ERP installs the app."""
    return _page("install")


@blueprint.get("/uninstall", provide_automatic_options=False)
def uninstall_page() -> Response:
    """The page in which the ERP removes the app."""
    return _page("uninstall")


@blueprint.route("/api/install", methods=["GET", "POST"], provide_automatic_options=False)
def install_app() -> Response:
    """Install, or install again; without an offline token the stored one stays.

    Answers ``{"tenant", "ok", "steps": [{"step", "ok", "detail", "do"}]}``.
    """
    given = _given()
    offline_token = given.get("offlineToken")
    if offline_token is not None and not isinstance(offline_token, str):
        raise Refusal(400, "BAD_OFFLINE_TOKEN", "offlineToken is not a text.")
    tenant = g.app_token.tenant
    try:
        lines = install(services().runtime, tenant, offline_token or None, _words(given))
    except OfflineTokenMissing as error:
        raise Refusal(400, "MISSING_OFFLINE_TOKEN", f"{error}.") from error
    except InstallRunning as error:
        raise Refusal(409, "INSTALL_RUNNING", f"{error}.") from error
    except TenantError as error:
        raise Refusal(422, "OFFLINE_TOKEN_REFUSED", f"{error}.") from error
    services().wake()
    return _report(tenant, lines)


@blueprint.route("/api/uninstall", methods=["GET", "POST"], provide_automatic_options=False)
def uninstall_app() -> Response:
    """Uninstall; the answer is that of an install."""
    tenant = g.app_token.tenant
    return _report(tenant, uninstall(services().runtime, tenant, _words(_given())))


def _given() -> dict[str, Any]:
    """What came with the call: the body's JSON object, the parameters without a body."""
    if request.method == "GET" or not request.get_data():
        return dict(request.args)
    body = request.get_json(silent=True, force=True)
    if not isinstance(body, dict):
        raise Refusal(400, "NOT_AN_OBJECT", "The body is not a JSON object.")
    return body


def _words(given: dict[str, Any]) -> Words:
    return Words(str(given.get("language") or ""))


def _report(tenant: str, lines: list[Line]) -> Response:
    is_ok = all(one.ok for one in lines)
    response = jsonify({"tenant": tenant, "ok": is_ok, "steps": [asdict(one) for one in lines]})
    response.headers["Cache-Control"] = "no-store"
    return response


def _page(action: str) -> Response:
    response = make_response(render_template("install.html", action=action))
    domains = services().runtime.settings.erp_domains
    parents = " ".join(f"https://{one} https://*.{one}" for one in domains) or "'none'"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {parents}"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
