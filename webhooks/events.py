"""The webhooks of the ERP: one address per event, optionally per sales channel.

The body does not say what happened (vario-erp.md 2.4), so the address does. A handler records
hints in one transaction, answers, and nudges the workers.
"""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, g, request

from integration import events
from integration.events import Event, NoKnownId, NotHere
from webhooks.errors import Refusal
from webhooks.services import services

log = logging.getLogger("webhooks")

blueprint = Blueprint("events", __name__, url_prefix="/api/webhooks")

ACCEPTED = b'{"success": true}\n'


@dataclass(frozen=True)
class Recorded:
    """What became of an event, for the log: what it asks for, how many hints and passes."""

    asks_for: str
    entity_id: str
    hints: int
    passes: int = 0


@blueprint.post("/<event_name>", provide_automatic_options=False)
@blueprint.post("/<event_name>/<channel>", provide_automatic_options=False)
def receive(event_name: str, channel: str | None = None) -> Response:
    """Record what the event asks for, then answer.

    Failure policy: 200 only after the commit; a lost wake-up call is made up for by the sweep.
    """
    try:
        event = events.served(event_name)
        recorded = _record(event, event_name, channel, _ids(event, channel))
    except NotHere as error:
        raise Refusal(404, error.code, error.message) from error
    except NoKnownId as error:
        raise Refusal(422, error.code, error.message) from error
    services().wake()
    _log_accepted(event_name, channel, recorded)
    return Response(ACCEPTED, mimetype="application/json")


def _ids(event: Event, channel: str | None) -> dict[str, str]:
    """The ids in the body. Raises: NotHere, Refusal, NoKnownId; the address is judged first."""
    try:
        return events.ids_in(event, _payload(request.get_data()))
    except (Refusal, NoKnownId):
        with services().session_scope() as session:
            events.scope_of(session, g.app_token.tenant, channel)
        raise


def _record(event: Event, name: str, channel: str | None, ids: dict[str, str]) -> Recorded:
    """Raises: NotHere."""
    tenant, entity_id = g.app_token.tenant, next(iter(ids.values()), "-")
    way = f"webhook {name}"
    services().check_schema()
    count = events.record_at_once(services().intake, event, tenant, channel, ids, by=way)
    if count:
        return Recorded(event.label, entity_id, count)
    with services().session_scope() as session:
        resolution = event.resolve(session, events.scope_of(session, tenant, channel), ids)
        events.record(session, resolution, by=way)
    return Recorded(event.label, entity_id, len(resolution.hints), resolution.passes)


def _payload(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises: Refusal."""
    try:
        payload = json.loads(body.decode(), parse_int=_integer, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        # Nesting by the thousand is a way to write nonsense, not a failure of ours.
        raise Refusal(400, "NOT_JSON", "The body is not JSON in UTF-8.") from error
    if not isinstance(payload, dict):
        raise Refusal(400, "NOT_AN_OBJECT", "The body is not a JSON object.")
    return payload


def _integer(digits: str) -> int | float:
    # Python refuses to read thousands of digits; JSON allows them, and no id has them.
    return int(digits) if len(digits) <= 20 else math.inf


def _not_json(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _log_accepted(event_name: str, channel: str | None, recorded: Recorded) -> None:
    log.info(
        "event=webhook.accepted webhook=%s tenant=%s channel=%s topic=%s entity=%s "
        "hints=%d passes=%d request_id=%s ms=%.1f",
        event_name,
        g.app_token.tenant,
        channel or "all",
        recorded.asks_for,
        recorded.entity_id,
        recorded.hints,
        recorded.passes,
        g.request_id,
        (time.perf_counter() - g.began_at) * 1000,
    )
