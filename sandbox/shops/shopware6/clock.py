"""Time as the shop writes it: UTC with milliseconds and a numeric offset."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(moment: datetime | None = None) -> str:
    """`2026-11-23T09:05:09.158+00:00`"""
    return (moment or datetime.now(UTC)).isoformat(timespec="milliseconds")
