"""What the history says of one entity, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integration.topology import Topic

PUSHED, UNCHANGED, SKIPPED, VANISHED = "pushed", "unchanged", "skipped", "vanished"
HELD, UNHELD, COMMAND = "held", "unheld", "command"
#: No entry yet: what arrived waits or is under way.
AWAITING = "awaiting"
#: Entries that say what the shop holds from then on.
ACCEPTED = (PUSHED, UNCHANGED)

#: Why the content of a price or a stock came into the shop by the first write of its article.
WITH_ARTICLE = "sent with the article"
FIRST_WRITE = "first write of the product"
#: Before them the shop held nothing of ours.
FIRST_WRITES = (WITH_ARTICLE, FIRST_WRITE)


@dataclass(frozen=True)
class Logged:
    """One entry of the history. `topic` None: about the whole channel or all topics.

    `events`: hints since the entry before, the last of them `last_event_at` by `hinted_by`.
    `sent`: the body, masked; None if nothing was sent or it is not kept any more.
    """

    at: datetime
    kind: str
    topic: Topic | None
    events: int = 0
    last_event_at: datetime | None = None
    hinted_by: str | None = None
    content_hash: str | None = None
    is_in_doubt: bool = False
    words: str | None = None
    person: str | None = None
    fetched_at: datetime | None = None
    fetched: str | None = None
    sent: Any = None
