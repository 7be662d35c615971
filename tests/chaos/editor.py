"""Employees at work in the ERP, and one in the shop; all that they set can be dated afterwards."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import requests

from tests.chaos.family import Family
from tests.chaos.pictures import Pictures
from tests.chaos.trade import Trade
from tests.chaos.world import World

#: Seconds between two edits.
GAP_S = (0.05, 0.25)
#: Bestsellers take half of the edits: what comes late meets something newer.
BESTSELLERS, THEIR_SHARE = 6, 0.5
#: A share of the values; of what is done to a main article; of what is dealt with in orders.
GOES_BACK, MAIN_RENAMED, ORDERED = 0.15, 0.6, 0.4
#: Articles that may have images: each costs the fetch a look of its own.
WITH_IMAGES = 12
FIELDS = ("name", "gross", "stock")


def plain(value: Any) -> str:
    """One spelling of a value, whichever side it comes from."""
    try:
        return str(Decimal(str(value)).normalize())
    except InvalidOperation:
        return str(value)


class Ledger:
    """Which values the ERP had from when on, by (article number, field)."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)

    def note(self, number: str, field: str, value: Any, at: float | None = None) -> None:
        """`at`: seconds since the epoch; None: now."""
        self._values[number, field].append((time.time() if at is None else at, plain(value)))

    def version(self, number: str, field: str, value: Any, at: float) -> int | None:
        """The newest version of this value that the ERP had by `at`; None: it never had it."""
        wanted = plain(value)
        versions = self._values[number, field]
        found = [n for n, (since, one) in enumerate(versions) if one == wanted and since <= at]
        return found[-1] if found else None

    def came_back(self, number: str, field: str, value: Any, after: float) -> list[float]:
        """When the ERP took this value anew."""
        versions, wanted = self._values[number, field], plain(value)
        return [since for since, one in versions if one == wanted and since > after]

    def story(self, number: str) -> list[str]:
        """Every value of an article, oldest first."""
        lines = [
            (since, f"{_clock(since)} ERP {field} = {value}")
            for (whose, field), versions in self._values.items()
            if whose == number
            for since, value in versions
            if since
        ]
        return [line for _, line in sorted(lines)]


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}"


class Editor:
    """Changes articles in a thread of its own until told to stop.

    Without a `family` only what every service has: no variants, images and orders.
    """

    def __init__(self, world: World, seed: int, family: Family | None = None) -> None:
        self._world, self._rng, self._family = world, random.Random(f"{seed} edits"), family
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="editor", daemon=True)
        self.ledger = Ledger()
        self.pictures, self._trade = Pictures(world, self._rng), Trade(world, self._rng)
        self.edits = 0
        self.error: Exception | None = None
        self._articles = [one for one in world.articles() if one["gross"]]
        self._hot = [*self._articles[:BESTSELLERS], *(family.variants if family else ())]
        self._versions: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for article in [*self._articles, *([family.main] if family else ())]:
            for field in FIELDS:
                self.ledger.note(article["number"], field, article[field], at=0.0)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is ordered is shipped. Raises what ended the edits, if anything did."""
        self._stopping.set()
        self._thread.join()
        if self.error is not None:
            raise self.error
        self._trade.finish()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._rng.uniform(*GAP_S)):
                self._edit()
        except (AssertionError, requests.RequestException) as error:
            self.error = error

    def _edit(self) -> None:
        is_hot = self._rng.random() < THEIR_SHARE
        article = self._rng.choice(self._hot if is_hot else self._articles)
        shares: dict[Callable[[dict[str, Any]], None], float] = {
            self._change: 0.85,
            self._switch: 0.12,
            self._delete_in_shop: 0.03,
        }
        if self._family is not None:
            shares |= {self._illustrate: 0.1, self._deal: 0.1, self._edit_main: 0.03}
        (edit,) = self._rng.choices(list(shares), list(shares.values()))
        self.edits += 1
        edit(article)

    def _change(self, article: dict[str, Any]) -> None:
        field = self._rng.choice(FIELDS)
        self._set(article, **{field: self._value(article, field)})

    def _switch(self, article: dict[str, Any]) -> None:
        switch = self._rng.choice(("active", "listed"))
        is_on = self._rng.random() < 0.7
        self._set(article, name=self._new_name(article), **{switch: is_on})

    def _delete_in_shop(self, article: dict[str, Any]) -> None:
        """An employee of the shop deletes the product, if it is there; what is edited then says so.

        A variant of WooCommerce has no name of its own.
        """
        answer = requests.post(
            f"{self._world.shop_url}/_sandbox/edit",
            json={"article": article["number"], "delete": True},
            timeout=30,
        )
        assert answer.status_code in (200, 400, 404), answer.text
        self._set(article, name=self._new_name(article), weight_kg=self._new_weight())

    def _edit_main(self, _article: dict[str, Any]) -> None:
        """A main article gets a name or is deleted in the shop, its variants with it."""
        assert self._family is not None
        main = self._family.main
        if self._rng.random() < MAIN_RENAMED:
            self._set(main, name=self._new_name(main))
            return
        self._delete_in_shop(main)
        for one in self._family.variants:
            self._set(one, weight_kg=self._new_weight())

    def _illustrate(self, _article: dict[str, Any]) -> None:
        self.pictures.edit(self._rng.choice(self._articles[:WITH_IMAGES]))

    def _deal(self, _article: dict[str, Any]) -> None:
        """A customer orders what the shop has, or an order goes on.

        What is ordered leaves the shop's stock. The ERP has it as another number than ever before,
        so that what was sent before the order is not taken for what the shop has.
        """
        if self._rng.random() < ORDERED:
            there = self._world.products()
            known = [one for one in self._articles if one["number"] in there]
            articles = self._rng.sample(known, 2) if len(known) > 1 else []
            if articles and self._trade.order(articles):
                for one in articles:
                    self._versions[one["number"], "stock"].clear()
                    self._set(one, stock=self._value(one, "stock"))
                return
        self._trade.go_on()

    def _value(self, article: dict[str, Any], field: str) -> Any:
        """A value that the article never had or, now and then, one that it had two edits ago."""
        before = self._versions[article["number"], field]
        if len(before) >= 2 and self._rng.random() < GOES_BACK:
            value = before[-2]
        else:
            makers: dict[str, Callable[[], Any]] = {
                "name": lambda: self._new_name(article),
                "gross": lambda: f"{1_000 + self.edits}.{self._rng.randint(0, 99):02}",
                "stock": lambda: 1_000 + self.edits,
            }
            value = makers[field]()
        before.append(value)
        return value

    def _new_name(self, article: dict[str, Any]) -> str:
        return f"Artikel {article['number']}, Fassung {self.edits}"

    def _new_weight(self) -> str:
        return f"{1 + self.edits / 1_000:.3f}"

    def _set(self, article: dict[str, Any], **values: Any) -> None:
        for field in FIELDS:
            if field in values:
                self.ledger.note(article["number"], field, values[field])
        self._world.edit(article, **values)
