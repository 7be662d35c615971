"""`/metrics` for Prometheus: one scrape shows all processes, whichever of them answers."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from ipaddress import ip_address

from flask import Blueprint, Response, request
from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from integration import counter_store, counters, metrics
from webhooks.errors import Refusal
from webhooks.services import services

blueprint = Blueprint("metrics", __name__)

#: With any of them somebody else asked, and a proxy on this machine passed it on.
FORWARDING_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


class _Collected(Collector):
    """Metrics that are read already, so that no transaction is open while they are written out."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


@blueprint.get("/metrics", provide_automatic_options=False)
def scrape() -> Response:
    """Every metric. With RELAY_METRICS_TOKEN for who has it, without for this machine only."""
    _refuse_strangers()
    # The other processes write theirs every few seconds; ours can be shown as they are now.
    counters.PROCESS.flush(counter_store.sink_of(services().session_scope))
    with services().session_scope() as session:
        collected = _Collected(metrics.families(session))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(collected), content_type=content_type)


def _refuse_strangers() -> None:
    """Raises: Refusal for a caller who may not see them."""
    token = services().runtime.settings.metrics_token
    if token:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        is_same = hmac.compare_digest(given.strip().encode(), token.encode())
        if scheme.lower() != "bearer" or not is_same:
            raise Refusal(401, "UNAUTHORIZED", "", detail="metrics-token")
    elif not _is_from_this_machine():
        raise Refusal(
            403,
            "LOOPBACK_ONLY",
            "Metrics are shown to this machine only; set RELAY_METRICS_TOKEN to read them from "
            "elsewhere.",
        )


def _is_from_this_machine() -> bool:
    if any(request.headers.get(name) is not None for name in FORWARDING_HEADERS):
        return False
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
