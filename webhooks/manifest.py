"""`GET /manifest`: what the ERP's admin centre is given to make the app known (vario-erp.md 9)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from flask import Blueprint, Response, jsonify

from integration.settings import Settings
from webhooks.errors import Refusal
from webhooks.services import services

blueprint = Blueprint("manifest", __name__)

#: Those that are attested. The names for articles, prices, stock and channels are in the admin
#: centre's list only; a missing one shows as 403 in the install report.
PERMISSIONS = {"eav": ("read", "create", "update")}


@blueprint.get("/manifest", provide_automatic_options=False)
def manifest() -> Response:
    """The manifest, for everybody: it holds no secret."""
    settings = services().runtime.settings
    if not settings.public_url:
        raise Refusal(
            503,
            "PUBLIC_URL_MISSING",
            "RELAY_PUBLIC_URL is not set, so the manifest has no addresses; set it to where the "
            "ERP reaches this service, e.g. https://relay.example, and start the service again.",
        )
    return jsonify(_manifest(settings))


def _manifest(settings: Settings) -> dict[str, Any]:
    base = settings.public_url
    # Unknown when the app is created: the admin centre then makes one.
    identifier = {"appIdentifier": settings.app_identifier} if settings.app_identifier else {}
    return {
        **identifier,
        "appVersion": version("vario-relay"),
        "label": "vario-relay",
        "description": (
            "Überträgt Artikel, Preise, Bestände und Lieferungen aus VARIO in den Onlineshop. / "
            "Carries articles, prices, stock and deliveries from VARIO to the shop."
        ),
        "shortName": "vario-relay",
        "rootUrl": f"{base}/",
        "pcInstallationUrl": f"{base}/install",
        "pcInstallationDeletionUrl": f"{base}/uninstall",
        "pcManifestUrl": f"{base}/manifest",
        "requirements": {
            "permissions": [
                {"resource": resource, "verb": verb}
                for resource, verbs in PERMISSIONS.items()
                for verb in verbs
            ]
        },
        "authorizationVerbs": [],
        "uiIntegrations": {
            "integrations": [
                # The ERP calls it to install again without a page, e.g. after a new version.
                {
                    "id": "system.refresh-install",
                    "pointOfIntegration": "api",
                    "url": f"{base}/api/install",
                }
            ]
        },
    }
