"""What is read from the body of a webhook: ids, and nothing else. Pure.

A payload is a hint. All its fields are optional, ids come as numbers or as texts, and older names
are in use (vario-erp.md 2.5), so that every subset of ids is understood and the rest is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from integration import ids as erp_ids

#: The reference that a share of ours carries in the ERP, and that the events of its document give
#: back. It names the article, because such an event names nothing else that we know.
SHARE_REFERENCE = "externalRef"
_ARTICLE_OF_SHARE = re.compile(r"article:([0-9]{1,18})", re.ASCII)


class EventError(Exception):
    """An event that cannot be taken; `code` for programs, `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return self.message


class NotHere(EventError):
    """The event, the tenant or the sales channel is not served here."""


class NoKnownId(EventError):
    """The payload names nothing that the event could be about."""


def ids_in(
    id_names: Sequence[str], payload: Mapping[str, Any], *, is_optional: bool
) -> dict[str, str]:
    """The usable ids of a payload by name, without leading zeros, in the order of `id_names`.

    An id is a string of digits or a JSON integer; of a share's reference it is the article's id in
    it. Anything else counts as absent.
    Raises: NoKnownId when no name carries one, unless `is_optional`.
    """
    found = {name: _id(name, payload.get(name)) for name in id_names}
    ids = {name: value for name, value in found.items() if value is not None}
    if not ids and not is_optional:
        raise NoKnownId(
            "NO_KNOWN_ID",
            f"The body carries no id: expected one of {', '.join(id_names)} as up to 18 digits.",
        )
    return ids


def _id(name: str, value: Any) -> str | None:
    # bool is an int in Python, and true is not article 1
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    if name == SHARE_REFERENCE:
        named = _ARTICLE_OF_SHARE.fullmatch(str(value))
        return erp_ids.canonical(named[1]) if named else None
    return erp_ids.canonical(str(value))
