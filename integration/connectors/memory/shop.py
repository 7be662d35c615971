"""The shop behind the memory connector, and its switches."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from integration.connectors.base import Choice
from integration.errors import IntegrationError
from integration.mapping_kinds import Kind


@dataclass
class MemoryShop:
    """Products by id, each a dict of all bodies written to it; `fulfilments` by the document of the
    ERP, the last body of each; `writes` lists the requests, `uploads` the files that came.

    Switches: numbers in `refused_numbers` are refused with the words given; each push first raises
    the next of `failures`, if any; each push that applied raises the next of `failures_after`, as a
    shop does whose answer got lost (give a TransientError with `outcome_unknown`). `choices` is
    what it has of a kind that can be mapped: with taxes in it, an article needs one of them.
    """

    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    fulfilments: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[tuple[str, list[str]]] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    refused_numbers: dict[str, str] = field(default_factory=dict)
    failures: deque[IntegrationError] = field(default_factory=deque)
    failures_after: deque[IntegrationError] = field(default_factory=deque)
    choices: dict[Kind, list[Choice]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def id_of(self, number: str) -> str | None:
        """The product with this number."""
        return next(iter(self.ids_of(number)), None)

    def ids_of(self, number: str) -> list[str]:
        """All products with this number."""
        with self.lock:
            return [key for key, one in self.products.items() if one.get("number") == number]


_SHOPS: dict[str, MemoryShop] = {}
_LOCK = threading.Lock()


def shop(namespace: str) -> MemoryShop:
    """The shop of this namespace, empty at first."""
    with _LOCK:
        return _SHOPS.setdefault(namespace, MemoryShop())


def forget_shops() -> None:
    """Start every namespace anew."""
    with _LOCK:
        _SHOPS.clear()
