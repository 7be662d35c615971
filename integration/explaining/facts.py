"""What is known of one article on one channel, as plain values: all that a judgement is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from integration import field_ownership
from integration.connectors.base import RemoteRecord
from integration.field_ownership import Owner, Owners
from integration.history.entries import Logged
from integration.topology import Topic

#: The topics of an article, in the order of their links: nothing else travels before the article.
TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK, Topic.MEDIA)
#: What ERP and shop both show of an article, and the topic that carries it.
TOPIC_BY_FIELD: Mapping[str, Topic] = {
    "name": Topic.ARTICLE,
    "description": Topic.ARTICLE,
    "net": Topic.PRICE,
    "gross": Topic.PRICE,
    "stock": Topic.STOCK,
}
#: The rows before one are not counted further.
MAX_AHEAD = 10_000


class Cause(StrEnum):
    """Why an article is not right in the shop."""

    ARTICLE_UNKNOWN = "ARTICLE_UNKNOWN"
    INACTIVE = "INACTIVE"
    NOT_LISTED = "NOT_LISTED"
    TOGGLE_OFF = "TOGGLE_OFF"
    CHANNEL_HELD = "CHANNEL_HELD"
    MAPPING_MISSING = "MAPPING_MISSING"
    HELD = "HELD"
    WAITING = "WAITING"
    REJECTED = "REJECTED"
    HIDDEN_IN_SHOP = "HIDDEN_IN_SHOP"
    EDITED_IN_SHOP = "EDITED_IN_SHOP"
    OK = "OK"


class Who(StrEnum):
    """Who must act. `SHOP`: whoever runs the shop; `VENDOR`: who made this service or the ERP."""

    MERCHANT = "merchant"
    AGENCY = "agency"
    SHOP = "shop"
    VENDOR = "vendor"
    NOBODY = "nobody"


@dataclass(frozen=True)
class TenantFacts:
    """Why nothing of the tenant moves; nothing set: it does."""

    held_reason: str | None = None
    uninstalled_at: datetime | None = None
    offline_since: datetime | None = None


@dataclass(frozen=True)
class ChannelFacts:
    """Why the channel does not move; nothing set: it does. `is_paused` until `paused_until`."""

    is_paused: bool = False
    paused_until: datetime | None = None
    held_reason: str | None = None
    delete_said_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True)
class ShopFacts:
    """The shop's health. `sentence`: what is the matter; None: nothing that we know of."""

    is_resting: bool = False
    sentence: str | None = None


@dataclass(frozen=True)
class Work:
    """The work item of one topic. `words`: the first line of its last error, secrets masked.

    `ahead`: rows that go before it, up to MAX_AHEAD. `eta_s` None: nothing of the topic was settled
    lately, so nobody can tell.
    """

    state: str
    hold_reason: str | None = None
    error_class: str | None = None
    words: str = ""
    attempts: int = 0
    generation: int = 1
    due_at: datetime | None = None
    ahead: int = 0
    eta_s: float | None = None
    skip_reason: str | None = None
    first_unsent_at: datetime | None = None
    last_event_at: datetime | None = None
    pushed_at: datetime | None = None
    pushed_hash: str | None = None

    @property
    def is_open(self) -> bool:
        """Queued, held or being worked on."""
        return self.state in ("QUEUED", "PROCESSING")

    @property
    def is_on_its_way(self) -> bool:
        return self.is_open and self.hold_reason is None


@dataclass(frozen=True)
class HandHold:
    """A person keeps a topic of the article back."""

    reason: str
    held_by: str
    since: datetime


@dataclass(frozen=True)
class Edit:
    """A field that somebody changed in the shop. `kept_by`: who left it to the shop."""

    shown: str
    noticed_at: datetime
    kept_by: str | None = None


@dataclass(frozen=True)
class Product:
    """The product that the shop has, as far as we know."""

    external_id: str
    number: str
    is_active: bool = True
    was_adopted: bool = False


@dataclass(frozen=True)
class ErpSays:
    """What the ERP answered now. `trouble`: why it could not be asked; then nothing else counts.

    `is_listed` None: the article has no listing on the channel at all, or there is no article
    (`is_there`). `values` are those that the shop should show, by field; `contents_by_topic` the
    hashes of which one was pushed if nothing is new; both lack what could not be made of the answer
    or is left to the shop.
    """

    trouble: str | None = None
    is_there: bool = True
    is_active: bool | None = None
    is_listed: bool | None = None
    product_type: str | None = None
    gross: Decimal | None = None
    currency: str = ""
    values: Mapping[str, str | int | Decimal | None] = field(default_factory=dict)
    contents_by_topic: Mapping[Topic, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ShopSays:
    """What the shop answered now. `trouble`: why it could not be asked.

    `external_id`: the product of the article's number, or ours; None: there is none. `record` None:
    this connector does not show single products.
    """

    trouble: str | None = None
    external_id: str | None = None
    record: RemoteRecord | None = None


@dataclass(frozen=True)
class Facts:
    """One article on one channel. `erp` and `shop` None: nobody asked them.

    `article`: the ERP's id, or what was asked for where there is no such article (`is_known` False)
    or nobody could say (None, with `trouble`).
    """

    channel: str
    article: str
    now: datetime
    number: str | None = None
    is_known: bool | None = True
    trouble: str = ""
    tenant: TenantFacts = field(default_factory=TenantFacts)
    state: ChannelFacts = field(default_factory=ChannelFacts)
    health: ShopFacts = field(default_factory=ShopFacts)
    #: Topics that the channel's platform carries, and those that are switched off.
    carried: frozenset[Topic] = frozenset(TOPICS)
    off: frozenset[Topic] = frozenset()
    works: Mapping[Topic, Work] = field(default_factory=dict)
    holds: Mapping[Topic, HandHold] = field(default_factory=dict)
    #: The history of the article, the oldest first.
    logged: Sequence[Logged] = ()
    product: Product | None = None
    owners: Owners = field(default_factory=lambda: field_ownership.owners_of({}))
    edits: Mapping[str, Edit] = field(default_factory=dict)
    erp: ErpSays | None = None
    shop: ShopSays | None = None

    @property
    def erp_answer(self) -> ErpSays | None:
        """What the ERP said, if it could be asked."""
        return None if self.erp is None or self.erp.trouble else self.erp

    def is_left_to_shop(self, name: str) -> bool:
        """Whether it is right that the shop shows something else of a field than the ERP."""
        whose = field_ownership.field_of(name)
        return self.owners[whose] is Owner.KEEP or whose in self.edits


@dataclass(frozen=True)
class Link:
    """One link of the chain. `ok` None: it could not be looked at.

    `text` names a sentence of `texts`, `values` fill it; `topic` where the sentence speaks of one.
    `cause` and `who` belong to what is broken.
    """

    name: str
    ok: bool | None
    text: str
    values: Mapping[str, object] = field(default_factory=dict)
    topic: Topic | None = None
    cause: Cause | None = None
    who: Who = Who.NOBODY
