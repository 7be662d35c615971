"""What a connector is given while it is examined, in place of what the service gives it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from vario_relay import ClaimLost, Context, Platform, dumps, loads

#: Deletes products of a channel by their ids, and returns when they are gone.
Remove = Callable[[Context, Sequence[str]], None]


@dataclass(frozen=True)
class Target:
    """What is examined. `order`: number of an open order of the shop, and an article in it.

    `rows` go in one batch. `state_url` is a sandbox's address, where ``/_sandbox/state`` is.
    """

    platform: Platform
    parameters: Mapping[str, str]
    state_url: str | None = None
    order: str | None = None
    rows: int = 8
    tax_rate: Decimal = Decimal(19)
    remove: Remove | None = None

    @property
    def has_address(self) -> bool:
        """Whether there is a shop at an address, that is, HTTP to spoil."""
        return any(one.startswith(("http://", "https://")) for one in self.parameters.values())


class Gate:
    """`Context.before_write`: counts, tells the proxy which request writes, and may refuse."""

    def __init__(self) -> None:
        self.count = 0
        self.is_lost = False
        self._next = threading.local()

    def __call__(self) -> float | None:
        self.count += 1
        if self.is_lost:
            raise ClaimLost("the kit took the work over")
        self._next.writes = True
        return None

    def take(self) -> bool:
        """Whether the request that goes out now is the one that was announced."""
        writes = bool(getattr(self._next, "writes", False))
        self._next.writes = False
        return writes


class Tokens:
    """`asked` tells whether the connector has use for a token."""

    def __init__(self) -> None:
        self.asked = self.dropped = 0
        self._token: str | None = None
        self._lock = threading.RLock()

    def get(self, fetch: Callable[[], tuple[str, float]]) -> str:
        with self._lock:
            self.asked += 1
            if self._token is None:
                self._token, _life_s = fetch()
            return self._token

    def drop(self, token: str) -> None:
        with self._lock:
            self.dropped += 1
            if token == self._token:
                self._token = None


class Facts:
    """Keeps what JSON keeps."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def get(self, name: str) -> Any | None:
        text = self._texts.get(name)
        return None if text is None else loads(text)

    def put(self, name: str, value: Any) -> None:
        self._texts[name] = dumps(value)
