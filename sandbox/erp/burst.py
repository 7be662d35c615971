"""Many random edits spread over some seconds, in a background thread."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.erp import edits
from sandbox.erp.delivery import Courier
from sandbox.erp.model import SHOP_CHANNEL, Article
from sandbox.erp.options import Options
from sandbox.erp.tenants import Tenant

TOPICS = ("article", "price", "stock")
MOST_EDITS = 1_000_000


@dataclass(frozen=True)
class Plan:
    """What to do; made from a request body by `planned`."""

    articles: tuple[Article, ...]
    edits: int
    seconds: float
    topics: tuple[str, ...]
    duplicates: int
    seed: int

    def describe(self) -> dict[str, Any]:
        return {"articles": len(self.articles), "edits": self.edits, "seconds": self.seconds,
                "topics": list(self.topics), "duplicates": self.duplicates, "seed": self.seed}


def planned(tenant: Tenant, body: dict[str, Any]) -> Plan:
    """Raises EditError naming what is wrong."""
    if unknown := set(body) - {"articles", "edits", "seconds", "topics", "duplicates", "seed"}:
        raise edits.EditError(f"unknown: {', '.join(sorted(unknown))}")
    seed = _whole(body, "seed", 1, least=0)
    wanted = body.get("articles", 100)
    if isinstance(wanted, list):
        articles = tuple(edits.find(tenant, key) for key in wanted)
    else:
        articles = _chosen(tenant, _whole(body, "articles", 100), seed)
    if not articles:
        raise edits.EditError("there is no article to edit")
    topics = body.get("topics", list(TOPICS))
    if not isinstance(topics, list) or not topics or not set(topics) <= set(TOPICS):
        raise edits.EditError(f"topics is a list of {', '.join(TOPICS)}")
    amount = _whole(body, "edits", len(articles))
    return Plan(articles, amount, _number(body, "seconds", 0), tuple(topics),
                _duplicates(body, amount), seed)


class Burst:
    """Runs one plan at a time."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._done = 0
        self._edits = 0

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, tenant: Tenant, plan: Plan, options: Options) -> None:
        """Raises EditError while another burst runs."""
        if self.running:
            raise edits.EditError("a burst is running")
        self._stop.clear()
        self._done, self._edits = 0, plan.edits
        self._thread = threading.Thread(target=self._run, args=(tenant, plan, options),
                                        name="burst", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
        self._done = self._edits = 0

    def status(self) -> dict[str, Any]:
        counts = self._courier.counts()
        return {"running": self.running, "edits": self._edits, "edits_done": self._done,
                "webhooks_queued": counts["queued"], "webhooks_sent": counts["sent"],
                "webhooks_pending": counts["pending"]}

    def _run(self, tenant: Tenant, plan: Plan, options: Options) -> None:
        rng = random.Random(plan.seed)
        extra = random.Random(plan.seed).choices(range(plan.edits), k=plan.duplicates)
        copies: dict[int, int] = {}
        for place in extra:
            copies[place] = copies.get(place, 0) + 1
        # Prices move as those of a merchant do: around what each article cost at first.
        first_prices = {one.id: one.price.gross for one in plan.articles if one.price}
        started = time.monotonic()
        for place in range(plan.edits):
            due = started + plan.seconds * place / plan.edits
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            article = rng.choice(plan.articles)
            values = _random_values(rng, rng.choice(plan.topics), place,
                                    first_prices.get(article.id, Decimal(10)))
            edit = edits.checked(tenant, values)
            for queue, payload in edits.apply(tenant, article, edit, options):
                self._courier.announce(tenant, queue, payload, copies=1 + copies.get(place, 0))
            self._done = place + 1


def _random_values(rng: random.Random, topic: str, place: int,
                   price: Decimal) -> dict[str, Any]:
    if topic == "stock":
        return {"stock": rng.randint(0, 500)}
    if topic == "price":
        moved = price * rng.randint(80, 115) / 100
        return {"gross": max(moved, Decimal("0.05")).quantize(Decimal("0.01"))}
    name = f"Geänderter Artikel {rng.randint(1, 9999)} ({place + 1})"
    sides = {side: rng.randint(1, 200) for side in "xyz"}
    return {"name": name, "size": {**sides, "unit": rng.choice(("mm", "cm"))}}


def _chosen(tenant: Tenant, count: int, seed: int) -> tuple[Article, ...]:
    """Articles that a shop would show, so that every edit can be seen there."""
    shown = [article for article in tenant.articles.between() if article.active
             and (listing := article.listings.get(SHOP_CHANNEL)) and listing.listed]
    return tuple(random.Random(seed).sample(shown, min(count, len(shown))))


def _duplicates(body: dict[str, Any], amount: int) -> int:
    """A share of the edits below 1, a number of extra deliveries from 1."""
    wanted = _number(body, "duplicates", 0)
    return round(wanted * amount) if wanted < 1 else int(wanted)


def _whole(body: dict[str, Any], name: str, default: int, *, least: int = 1) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_EDITS:
        raise edits.EditError(f"{name} is a whole number from {least} to {MOST_EDITS}")
    return value


def _number(body: dict[str, Any], name: str, default: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e6:
        raise edits.EditError(f"{name} is a number, not negative")
    return value
