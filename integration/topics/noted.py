"""What a fetch notes in a row instead of fields, because it could not read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.errors import Rejected, Throttled, TransientError

#: The keys of such notes.
NOTED = frozenset({"refusal", "postponed"})


def raise_noted(row: Mapping[str, Any]) -> None:
    """Raises: Rejected for `refusal`; Throttled or TransientError for `postponed`."""
    if "refusal" in row:
        raise Rejected(str(row["refusal"]))
    if "postponed" in row:
        message, seconds = row["postponed"]["message"], row["postponed"]["retry_after_s"]
        raise TransientError(message) if seconds is None else Throttled(message, float(seconds))
