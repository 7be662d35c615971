"""What a dry run says of one article."""

from __future__ import annotations

from dataclasses import dataclass

from integration.topology import Topic

CREATE, ADOPT, UPDATE, UNCHANGED, WITHDRAW = "create", "adopt", "update", "unchanged", "withdraw"
INACTIVE, NOT_LISTED, INVALID, TOGGLED_OFF = "inactive", "not-listed", "invalid", "toggled-off"
#: Its number belongs to another article; a person has to decide whose it is.
CONFLICT = "conflict"
#: Its number is on several products of the shop; it waits until one of them has it.
DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Change:
    """A field of a product that would be adopted: what the shop shows, and what the ERP says.

    `asks`: nothing of it is written before a person decided (own.FIELD=ask). `is_far`: so far off
    that it is counted by a brake, which stops many of them.
    """

    field: str
    old: str | None
    new: str | None
    asks: bool = False
    is_far: bool = False


@dataclass(frozen=True)
class Outcome:
    """What would become of one article.

    `outcome` is one of the names above, or why its rows would be held, e.g. ``no-price``.
    `topics` are those that would be sent; `external_id` is the product that would be adopted, and
    `changes` what becomes of it. `others` are further products of the shop with the same number.
    `made_by`: another sales channel of this service, and its article, that made this product.
    """

    article: str
    number: str | None
    outcome: str
    detail: str = ""
    topics: tuple[Topic, ...] = ()
    external_id: str | None = None
    others: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    made_by: str | None = None
