"""Time as the shop writes it: without an offset, once local and once `_gmt`."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

ZONE, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def exactly() -> str:
    """For the journal: UTC with milliseconds, which the shop itself does not keep."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def pair(name: str, moment: datetime | None) -> dict[str, str | None]:
    """`{name: local, name_gmt: UTC}`"""
    if moment is None:
        return {name: None, f"{name}_gmt": None}
    local = moment.astimezone(ZONE).replace(tzinfo=None)
    return {name: local.isoformat(), f"{name}_gmt": moment.replace(tzinfo=None).isoformat()}


def parsed(value: object, zone: ZoneInfo | None = None) -> datetime | None:
    """A moment of the API, local unless `zone` says otherwise; None for what is none."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone or ZONE)
    return found.astimezone(UTC)
