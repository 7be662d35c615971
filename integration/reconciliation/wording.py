"""Values as a plan keeps them: as texts, long ones from where they begin to differ. Pure.

A long text ends with the hash of what a reader sees of it, so that it can still be told whether a
value is the one that the plan saw.
"""

from __future__ import annotations

import hashlib
import html
from decimal import Decimal
from itertools import takewhile

from integration.reconciliation.compare import TAG, Value, as_read, is_text

#: Characters of a text that a plan keeps as it is, and of what it shows of a longer one.
LONGEST = 200
#: Words before the first that differs.
_WORDS_BEFORE = 4


def text_of(value: Value) -> str | None:
    """Amounts in their shortest form, truths as JSON writes them."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    return str(value)


def texts_of(field: str | None, old: Value, new: Value) -> tuple[str | None, str | None]:
    """Both values of a line. Of a name or description that is long, its words around the first
    difference, with its hash (``… red ball … (#0f3c2a9b7d1e)``)."""
    if not (field and is_text(field) and isinstance(old, str) and isinstance(new, str)):
        return text_of(old), text_of(new)
    if max(len(old), len(new)) <= LONGEST:
        return old, new
    words = [_words(text) for text in (old, new)]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*words, strict=False)))
    start = max(0, same - _WORDS_BEFORE)
    return _excerpt(old, words[0][start:], start), _excerpt(new, words[1][start:], start)


def says(text: str | None, value: Value) -> bool:
    """Whether a text of a line stands for this value."""
    if text == text_of(value):
        return True
    return text is not None and isinstance(value, str) and text.endswith(_mark(value))


def _words(text: str) -> list[str]:
    return html.unescape(TAG.sub(" ", text)).split()


def _excerpt(text: str, words: list[str], start: int) -> str:
    shown = " ".join(words)
    parts = ["…"] if start else []
    parts += [shown[:LONGEST]] if shown else []
    parts += ["…"] if len(shown) > LONGEST else []
    return " ".join([*parts, _mark(text)])


def _mark(text: str) -> str:
    return f"(#{hashlib.sha256(as_read(text).encode(errors='replace')).hexdigest()[:12]})"
