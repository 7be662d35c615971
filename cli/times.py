"""Times as people type them on the command line."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from integration.errors import UsageError

_AGO = re.compile(r"(\d{1,6})\s*(min|m|h|d)")
_UNIT = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days"}


def hour_of_no_night(local: datetime) -> int:
    """The RELAY_NIGHTLY_HOUR with which no night falls within six hours of a merchant's time.

    A night lasts six hours, and its passes ask the ERP for the whole catalogue.
    """
    return (local.hour + 12) % 24


def past_moment(text: str, now: datetime) -> datetime:
    """The moment that `text` names, read in the zone of `now`; HH:MM is the last one of it.

    Raises: UsageError for anything but ``2h``, ``3d``, ``30min``, HH:MM and an ISO time.
    """
    wanted = text.strip()
    if ago := _AGO.fullmatch(wanted):
        try:
            return now - timedelta(**{_UNIT[ago[2]]: int(ago[1])})
        except OverflowError as error:
            raise _no_time(text) from error
    try:
        clock = time.fromisoformat(wanted) if len(wanted) <= len("HH:MM:SS") else None
        if clock is None:
            named = datetime.fromisoformat(wanted)
        else:
            named = datetime.combine(now.date(), clock, clock.tzinfo or now.tzinfo)
    except ValueError as error:
        raise _no_time(text) from error
    if named.tzinfo is None:
        named = named.replace(tzinfo=now.tzinfo)
    if clock and named > now:
        # Through the calendar, not by 24 hours: the clock may have changed last night.
        named = datetime.combine(now.date() - timedelta(days=1), clock, now.tzinfo)
    return named


def _no_time(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is not a time; give 2h, 3d or 30min for so long ago, HH:MM, or an ISO time such "
        "as 2026-11-26T09:00"
    )
