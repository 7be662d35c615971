"""One short name for many failures with one cause: what differs from row to row is left out."""

from __future__ import annotations

import hashlib
import re

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|“[^”]*”")
_IDS = re.compile(r"\b(?=[\w-]*\d)[\w-]+\b")
_SPACE = re.compile(r"\s+")


def fingerprint(error_class: str, message: str) -> str:
    """Ten hex digits, equal for messages that differ only in quoted values, ids and numbers."""
    first_line = message.split("\n", 1)[0]
    shape = _IDS.sub("#", _QUOTED.sub("#", first_line))
    shape = _SPACE.sub(" ", shape).strip().lower()
    return hashlib.sha256(f"{error_class}:{shape}".encode()).hexdigest()[:10]
