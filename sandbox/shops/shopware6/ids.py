"""Ids of rows: 32 hexadecimal digits, random ones and such that stay the same over every start."""

from __future__ import annotations

import hashlib
import uuid


def fixed_id(name: str) -> str:
    """An id derived from a name."""
    return hashlib.md5(f"sandbox-shopware6:{name}".encode(), usedforsecurity=False).hexdigest()


def new_id() -> str:
    return uuid.uuid4().hex
