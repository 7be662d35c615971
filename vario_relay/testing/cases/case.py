"""One thing that the kit tries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vario_relay.testing.stand import Stand


@dataclass(frozen=True)
class Case:
    """`run` raises a `Finding` unless all is held; what it returns says what was seen."""

    name: str
    title: str
    run: Callable[[Stand], str]
