"""What `doctor` says about one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`do` says what to do about it; empty where nothing has to be done."""

    check: str
    ok: bool
    detail: str
    do: str = ""
