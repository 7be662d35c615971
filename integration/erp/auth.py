"""Where a tenant's ERP is, and how its offline token becomes an access token.

The offline token is decoded without checking its signature, because only the ERP can check it.
Therefore its `iss` may choose between addresses that the operator allows, and nothing more: the
client secret is never sent anywhere else.
Source: docs/sources.md#erp-authentication.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests

from integration.connectors import http
from integration.erp.answers import pause_s
from integration.errors import IntegrationError, TenantError, Throttled, TransientError
from integration.settings import Settings

_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
#: Nothing that two libraries could read as different hosts: the one that sends the secret ends a
#: host at a backslash, the one that compares does not.
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*", re.ASCII)
_REALM_PATH = re.compile(r"/realms/(?!\.{1,2}/?$)[A-Za-z0-9._-]+/?", re.ASCII)
_ERROR_CODE = re.compile(r"[a-z_]{1,60}", re.ASCII)
#: What may stand in a header.
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)
_SSO_PREFIX = "sso."
#: Life of an access token whose answer does not tell; short enough to be wrong without harm.
UNKNOWN_LIFE_S = 60.0
LONGEST_LIFE_S = 86_400.0
#: A sign-in that takes longer hangs: it reads no catalogue, and work waits for it.
SIGN_IN_TIMEOUTS_S = (5.0, 15.0)

RECONNECT = "reconnect the app in the ERP (install it again)"


@dataclass(frozen=True)
class TenantAccess:
    """Addresses and credentials of one tenant's ERP.

    `base_url` is the origin, e.g. ``https://acme.vario.cloud``; paths start below `api_url`.
    """

    tenant: str
    base_url: str
    token_url: str
    app_identifier: str
    client_id: str
    client_secret: str = field(repr=False)
    offline_token: str = field(repr=False)
    #: The offline token as it is stored, sealed.
    connection: str | None = field(repr=False, default=None)

    @property
    def api_url(self) -> str:
        return f"{self.base_url}/api/vario"


def tenant_access(subdomain: str, offline_token: str, settings: Settings) -> TenantAccess:
    """The access of one tenant, from its offline token and the settings.

    RELAY_ERP_URL and RELAY_ERP_TOKEN_URL replace the derived addresses.
    Raises: TenantError for a token of another app or of a domain that is not allowed.
    """
    if not _SUBDOMAIN.fullmatch(subdomain):
        raise TenantError("the tenant's name is not a host name; " + RECONNECT)
    claims = _unverified_claims(subdomain, offline_token)
    if not settings.client_id or claims.get("azp") != settings.client_id:
        raise TenantError(
            f"tenant {subdomain}: the offline token belongs to another app than RELAY_CLIENT_ID; "
            + RECONNECT
        )
    base_url, token_url = settings.erp_url, settings.erp_token_url
    if not base_url or not token_url:
        domain, realm_path = _issuer(subdomain, claims.get("iss"), settings.erp_domains)
        base_url = base_url or f"https://{subdomain}.{domain}"
        token_url = token_url or (
            f"https://{_SSO_PREFIX}{domain}{realm_path}/protocol/openid-connect/token"
        )
    return TenantAccess(
        tenant=subdomain,
        base_url=base_url.replace("{tenant}", subdomain).rstrip("/"),
        token_url=token_url.replace("{tenant}", subdomain),
        app_identifier=settings.app_identifier,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        offline_token=offline_token,
    )


def _unverified_claims(subdomain: str, offline_token: str) -> dict[str, Any]:
    try:
        claims = jwt.decode(offline_token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        # from None: the decoder's words may quote the token
        raise TenantError(
            f"tenant {subdomain}: the stored offline token is unreadable; {RECONNECT}"
        ) from None
    return dict(claims)


def _issuer(subdomain: str, issuer: object, domains: tuple[str, ...]) -> tuple[str, str]:
    """Domain and realm path of ``https://sso.<domain>/realms/<realm>``."""
    refused = TenantError(
        f"tenant {subdomain}: the offline token was not issued below one of "
        f"RELAY_ERP_DOMAINS ({', '.join(domains)}); {RECONNECT}"
    )
    try:
        parts = urlsplit(issuer if isinstance(issuer, str) else "")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise refused from None
    if parts.scheme != "https" or "@" in parts.netloc or parts.query or parts.fragment:
        raise refused
    if not _HOST.fullmatch(host) or not _REALM_PATH.fullmatch(parts.path):
        raise refused
    if not host.startswith(_SSO_PREFIX):
        raise refused
    domain = host.removeprefix(_SSO_PREFIX)
    allowed = (name.lower() for name in domains)
    if not any(domain == name or domain.endswith(f".{name}") for name in allowed):
        raise refused
    return domain + (f":{port}" if port else ""), parts.path.rstrip("/")


def fetch_access_token(access: TenantAccess, session: requests.Session) -> tuple[str, float]:
    """A new access token and its life in seconds, for `TokenStore.get`.

    Takes nothing from the tenant's request budget: the sign-in service is another server.
    Raises: TenantError when only a person can help, Throttled, TransientError.
    """
    response = http.send(
        session,
        "POST",
        access.token_url,
        data={
            "grant_type": "refresh_token",
            "refresh_token": access.offline_token,
            "client_id": access.client_id,
            "client_secret": access.client_secret,
        },
        headers={"User-Agent": access.app_identifier, "Accept": "application/json"},
        timeout=SIGN_IN_TIMEOUTS_S,
    )
    if response.status_code != 200:
        raise _refusal(access, response)
    return _token_of(access, response)


def _token_of(access: TenantAccess, response: requests.Response) -> tuple[str, float]:
    answer = _object(response)
    token = answer.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise TransientError(f"tenant {access.tenant}: the sign-in answered without a token")
    try:
        life_s = float(answer.get("expires_in", UNKNOWN_LIFE_S))
    except (TypeError, ValueError, OverflowError):
        life_s = UNKNOWN_LIFE_S
    # What is longer than a day is cut, or it would not fit a date; "nan" is above nothing.
    return token, min(life_s, LONGEST_LIFE_S) if life_s > 0 else UNKNOWN_LIFE_S


def _object(response: requests.Response) -> dict[str, Any]:
    """The JSON object of an answer, empty for anything else."""
    try:
        answer = http.json_body(response)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(access: TenantAccess, response: requests.Response) -> IntegrationError:
    """What a refused sign-in means. Only the error code is quoted: other words may hold secrets."""
    tenant, status = access.tenant, response.status_code
    if status == 429:
        seconds = pause_s(response)
        return Throttled(f"tenant {tenant}: the sign-in asked for a pause", seconds)
    if status >= 500 or status in (408, 425):
        return TransientError(f"tenant {tenant}: the sign-in answered {status}")
    code = _object(response).get("error")
    if code == "invalid_grant":
        return TenantError(
            f"tenant {tenant}: the ERP does not accept the offline token any more "
            f"(OFFLINE_TOKEN_INVALID); {RECONNECT}"
        )
    if code in ("invalid_client", "unauthorized_client"):
        return TenantError(
            f"tenant {tenant}: the sign-in refuses the app; check RELAY_CLIENT_ID and "
            "RELAY_CLIENT_SECRET against the ERP's Admin Center"
        )
    if not isinstance(code, str):
        # Something in front of it speaks; the sign-in itself always names an error.
        return TransientError(f"tenant {tenant}: the sign-in answered {status} without an error")
    named = f" ({code})" if _ERROR_CODE.fullmatch(code) else ""
    return TenantError(
        f"tenant {tenant}: the sign-in answered {status}{named}; check the tenant and {RECONNECT}"
    )
