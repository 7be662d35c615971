"""What a webhook of the ERP means: which entities of which sales channels are newer now.

`catalogue` knows the events, `meaning` what their ids ask for, `recording` writes it down.
Source: vario-erp.md 2.3 and 2.5.
"""

from __future__ import annotations

from integration.events.catalogue import EVENT_BY_NAME, NOT_RELEVANT, Event, ids_in, served
from integration.events.payloads import EventError, NoKnownId, NotHere
from integration.events.recording import record, record_at_once
from integration.events.scope import scope_of

__all__ = [
    "EVENT_BY_NAME",
    "NOT_RELEVANT",
    "Event",
    "EventError",
    "NoKnownId",
    "NotHere",
    "ids_in",
    "record",
    "record_at_once",
    "scope_of",
    "served",
]
