"""Speaks with WordPress itself, whose media the key of WooCommerce does not reach: as a user, by an
application password. Sources: docs/sources.md#woocommerce-images."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode

import requests

from integration.connectors import http
from integration.connectors.base import Context
from integration.connectors.woocommerce import answers
from integration.connectors.woocommerce.settings import ShopSettings
from integration.errors import CredentialsRefused, Held, Rejected, RightMissing

_API = "/wp-json/wp/v2"
#: What images wait for while the shop does not let us upload them.
NO_RIGHT = "shop-right"
#: Refusals of the file, whatever their status.
_OF_FILE = "rest_upload_"
_TOO_LARGE = 413

MISSING = (
    "images need a user of WordPress: set wp_user and wp_password (an application password of that "
    "user) on the channel"
)


class WordPress:
    """The media of one site. Every method raises IntegrationError.

    Raises: Held ``shop-right`` without a password, or where it is refused: only images wait for it.
    """

    def __init__(self, settings: ShopSettings, context: Context) -> None:
        self._settings, self._context = settings, context

    def can_upload(self) -> bool:
        """Whether the user may upload files."""
        me = self._asked("GET", "/users/me", {"context": "edit", "_fields": "capabilities"})
        rights = me.get("capabilities") if isinstance(me, dict) else None
        return isinstance(rights, dict) and bool(rights.get("upload_files"))

    def media(self, **query: str) -> list[dict[str, Any]]:
        """Rows of the media library, at most one page."""
        found = self._asked("GET", "/media", query)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def upload(self, file: http.FileBody, name: str, media_type: str, **query: str) -> Any:
        """The new row of a file. Raises: Rejected for a file that the shop does not take."""
        headers = {
            "Content-Type": media_type,
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return self._asked("POST", "/media", query, headers, file)

    def _asked(
        self,
        method: Literal["GET", "POST"],
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] = {},
        file: http.FileBody | None = None,
    ) -> Any:
        if not self._settings.wp_user or not self._settings.wp_password:
            raise Held(NO_RIGHT, MISSING)
        pair = f"{self._settings.wp_user}:{self._settings.wp_password}".encode()
        writes = file is not None
        not_after = self._context.before_write() if writes else None
        response = http.send(
            self._context.session,
            method,
            f"{self._settings.url}{_API}{path}?{urlencode(query)}",
            writes=writes,
            not_after=not_after,
            headers={
                "Accept": "application/json",
                "User-Agent": "vario-relay",
                "Authorization": f"Basic {base64.b64encode(pair).decode()}",
                **headers,
            },
            data=file,
        )
        if file is not None:
            self._check_file(response, file)
        try:
            body, _ = answers.json_of(response, self._settings.host, writes=writes)
        except (CredentialsRefused, RightMissing) as error:
            raise Held(NO_RIGHT, f"{error}; check wp_user and wp_password") from error
        except answers.NoRoute as error:
            raise Held(NO_RIGHT, f"{self._settings.host} serves no wp/v2/media") from error
        except (answers.Refused, answers.TooMany) as error:
            # Whoever may not upload is told so with 400.
            raise Held(NO_RIGHT, f"{error}; check what the user of wp_user may do") from error
        return body

    def _check_file(self, response: requests.Response, file: http.FileBody) -> None:
        host = self._settings.host
        if response.status_code == _TOO_LARGE:
            raise Rejected(
                f"{host} takes no file of {len(file) / 1024**2:.1f} MB; raise its limit for uploads"
            )
        told = answers.told_by(response) if response.status_code // 100 != 2 else {}
        if str(told.get("code") or "").startswith(_OF_FILE):
            raise Rejected(f"{host} refuses it: {told.get('message')} ({told['code']})")
