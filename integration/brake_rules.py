"""What is so far out of the ordinary that it waits, and how much of it is too much. Pure.

A change is compared with what the shop holds by our last receipt. One that empties a stock, moves a
price far or takes a product out of the shop is suspicious; many of them within a window are a fault
of the ERP rather than a day's business (docs/decisions/0023).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum

from integration.documents import ArticleDocument, PriceDocument, StockDocument
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

#: Channel parameters.
ZERO_STOCK = "brake_zero_stock_percent"
PRICE_ROWS = "brake_price_rows_percent"
PRICE_MOVE = "brake_price_move_percent"
DEACTIVATE = "brake_deactivate"
OFF = "off"
DEFAULT_BY_PARAMETER: Mapping[str, str] = {
    ZERO_STOCK: "30",
    PRICE_ROWS: "20",
    PRICE_MOVE: "50",
    DEACTIVATE: "50",
}

#: What can be switched off.
SWITCHES = (ZERO_STOCK, PRICE_ROWS, DEACTIVATE)

#: So few changes are a day's business in any shop.
NEVER_UNDER = 20
#: So much of its limit the stock may use up without a wait: a big shop sells more than a handful of
#: articles out within an hour, and an article that waits is sold without being there.
FREE_STOCK_SHARE = 10
#: Of the time after which no more are expected: fewer than that many wait only so long. Nothing is
#: lost by a price that moves far a few seconds later, and a fault begins with one price, too.
FEW_WAIT_SHARE = 1 / 24
#: Of a shop with few products, so much of them is too much, however many rows are allowed.
DEACTIVATED_SHARE = 2

TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)
ACTIVE, INACTIVE = "active", "inactive"
#: A stock that counts no pieces; it is never empty.
UNTRACKED = "untracked"
EMPTY = "0"


class Decision(Enum):
    """What becomes of suspicious changes that are not decided yet."""

    GO = "go"
    #: Until it is known how many more there are.
    WAIT = "wait"
    TRIP = "trip"


def values_of(document: object) -> dict[str, str]:
    """What a document puts into the shop, as it is compared later: by topic.

    A price is ``net gross``, a stock its pieces.
    """
    if isinstance(document, PriceDocument):
        return {Topic.PRICE.value: f"{document.net:.4f} {document.gross:.4f}"}
    if isinstance(document, StockDocument):
        pieces = str(document.quantity) if document.is_tracked else UNTRACKED
        return {Topic.STOCK.value: pieces}
    if isinstance(document, ArticleDocument):
        return {**values_of(document.price), **values_of(document.stock)}
    return {}


def found_price(new: str, net: Decimal | None, gross: Decimal | None) -> str | None:
    """What a shop shows of a price that nobody sent yet, as `values_of` has it; None: nothing.

    `new`: what it is to become. Where the shop keeps one side, the other one follows by its tax.
    """
    new_net, new_gross = _money(new)
    if net is None and gross is not None and new_gross:
        net = gross * new_net / new_gross
    if gross is None and net is not None and new_net:
        gross = net * new_gross / new_net
    return None if net is None or gross is None else f"{net:.4f} {gross:.4f}"


@dataclass(frozen=True)
class Rules:
    """The brakes of one channel. None: that brake is off."""

    zero_stock_percent: Decimal | None
    price_rows_percent: Decimal | None
    price_move_percent: Decimal
    deactivate: int | None

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Rules:
        """By the channel's parameters; one that is missing or cannot be read has its default."""
        text = {
            name: default if wrong(name, parameters.get(name, "")) else parameters[name].strip()
            for name, default in DEFAULT_BY_PARAMETER.items()
        }
        rows = text[DEACTIVATE]
        return cls(
            zero_stock_percent=_percent(text[ZERO_STOCK]),
            price_rows_percent=_percent(text[PRICE_ROWS]),
            price_move_percent=Decimal(text[PRICE_MOVE]),
            deactivate=None if rows == OFF else int(rows),
        )

    def is_suspicious(self, topic: Topic, old: str | None, new: str | None) -> bool:
        """Whether the shop would be given something far from what it has; `old` None: it has
        nothing of it by any receipt."""
        if old is None or new is None:
            return False
        if topic is Topic.PRICE and self.price_rows_percent is not None:
            return any(
                before > 0 and abs(now - before) * 100 > before * self.price_move_percent
                for before, now in zip(_money(old), _money(new), strict=True)
            )
        if topic is Topic.STOCK and self.zero_stock_percent is not None:
            return old not in (EMPTY, UNTRACKED) and new == EMPTY
        if topic is Topic.ARTICLE and self.deactivate is not None:
            return (old, new) == (ACTIVE, INACTIVE)
        return False

    def limit(self, topic: Topic, reference: int) -> int:
        """From how many suspicious changes on the brake stops them.

        `reference`: how many products the shop has with a price, with something in stock, or
        active. Of a brake that is off: more than there are.
        """
        if topic is Topic.ARTICLE and self.deactivate is not None:
            few = math.ceil(reference / DEACTIVATED_SHARE)
            return max(NEVER_UNDER, min(self.deactivate, few))
        percent = {Topic.PRICE: self.price_rows_percent, Topic.STOCK: self.zero_stock_percent}
        share = percent.get(topic)
        if share is None:
            return reference + NEVER_UNDER
        return max(NEVER_UNDER, math.ceil(reference * share / 100))


def free(topic: Topic, limit: int) -> int:
    """Fewer suspicious changes than this are few."""
    return max(NEVER_UNDER, limit // FREE_STOCK_SHARE) if topic is Topic.STOCK else NEVER_UNDER


def decide(topic: Topic, seen: int, backlog: int, limit: int, quiet: float = 0.0) -> Decision:
    """What becomes of suspicious changes of which `seen` were counted in the window.

    `backlog`: changes that nobody looked at yet. `quiet`: how much of the time has passed without
    a new one after which no more are expected; 1: all of it.
    """
    if seen >= limit:
        return Decision.TRIP
    are_few = seen + backlog < free(topic, limit)
    if are_few and topic is Topic.STOCK:
        return Decision.GO
    is_over = not backlog and quiet >= (FEW_WAIT_SHARE if are_few else 1.0)
    return Decision.GO if is_over else Decision.WAIT


def shown(topic: Topic, old: str | None, new: str | None) -> str:
    """``119.00 -> 1.19``; prices gross, unless only the net one moves."""
    if topic is Topic.ARTICLE:
        return f"{ACTIVE} -> {INACTIVE}"
    if topic is Topic.PRICE and old and new:
        (old_net, old_gross), (new_net, new_gross) = _money(old), _money(new)
        if old_gross == new_gross:
            return f"{old_net:.2f} -> {new_net:.2f} net"
        return f"{old_gross:.2f} -> {new_gross:.2f}"
    return f"{old} -> {new}"


def braked(topic: Topic) -> str:
    """Why changes wait that a brake stopped."""
    return f"brake:{SHORT_NAME_BY_TOPIC[topic]}"


def undecided(topic: Topic) -> str:
    """Why changes wait of which it is not known yet whether they are too many."""
    return f"brake-wait:{SHORT_NAME_BY_TOPIC[topic]}"


def wrong(name: str, text: str) -> str | None:
    """What is wrong with a parameter, as the end of a sentence; None: nothing."""
    text = text.strip()
    if text == OFF and name in SWITCHES:
        return None
    if name == DEACTIVATE:
        is_enough = text.isascii() and text.isdigit() and int(text) >= NEVER_UNDER
        return None if is_enough else f"is neither a whole number from {NEVER_UNDER} nor off"
    if name == PRICE_MOVE:
        return None if _number(text) > 0 else "is not a number above 0"
    return None if 0 < _number(text) <= 100 else "is neither a percentage up to 100 nor off"


def _number(text: str) -> Decimal:
    """0 for what is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def _percent(text: str) -> Decimal | None:
    return None if text == OFF else Decimal(text)


def _money(value: str) -> tuple[Decimal, Decimal]:
    net, gross = value.split(" ")
    return Decimal(net), Decimal(gross)
