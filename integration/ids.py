"""The ERP's ids as text: digits without leading zeros, so that equal ids are equal texts. Pure."""

from __future__ import annotations

import re

#: 18 digits always fit the ERP's int64; a 19th might not.
_ID = re.compile(r"[0-9]{1,18}")


def canonical(text: str) -> str | None:
    """``42`` for ``42`` and ``042``; None for what is no id of the ERP."""
    return str(int(text)) if _ID.fullmatch(text) else None
