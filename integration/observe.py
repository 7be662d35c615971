"""Logs: one structured line per transition, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

#: What must never be read in a log: tokens, JWTs, secrets in URLs and forms.
_SECRETS = (
    re.compile(r"eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"),
    re.compile(r"(?i)(bearer\s+)[^\s\"']+"),
    re.compile(
        r"(?i)((?:client_secret|refresh_token|access_token|offline_?token|app_?token|password|"
        r"api_secret|secret)[\"']?\s*[=:]\s*[\"']?)"
        r"(?:(?<=\")[^\"]*|(?<=')[^']*|[^\s\"'&,}]+)"
    ),
    re.compile(r"(\w+://[^:/\s]+:)[^/\s]+(?=@)"),
    # The ERP opens the install pages with tokens in the query, and may put more there.
    re.compile(r"(/(?:un)?install\?)[^\s\"']*"),
)
#: In lower case: without one of them nothing of the above is in a text. To look for them costs a
#: hundredth of the patterns, and most lines of a log have none.
_SIGNS = ("eyj", "bearer", "token", "password", "secret", "://", "install?")


def has_sign_of_secret(text: str) -> bool:
    """Whether `masked` has to look: a quick no, an uncertain yes."""
    lowered = text.lower()
    return any(sign in lowered for sign in _SIGNS)


def masked(text: str) -> str:
    """`text` without anything that looks like a secret."""
    if not has_sign_of_secret(text):
        return text
    for pattern in _SECRETS:
        text = pattern.sub(lambda found: f"{found.group(1) if found.groups() else ''}***", text)
    return text


class _Masking(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def set_up_logging(level: int | str = logging.INFO) -> None:
    """One line per record on stderr. What libraries say of every turn stays out at any level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Masking("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in (
        "alembic",
        "celery.app.trace",
        "celery.beat",
        "celery.worker.strategy",
        "kombu",
        "urllib3",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def mask_handlers(logger: logging.Logger) -> None:
    """Mask what a server's own logger writes; its lines keep their form."""
    for handler in logger.handlers:
        form = handler.formatter
        if form is not None:
            handler.setFormatter(_Masking(form._fmt, form.datefmt))


def event(name: str, **fields: Any) -> str:
    """``event=work_item.settled channel=acme/42 ...``: one line, fields in the given order."""
    parts = [f"event={name}"]
    for key, value in fields.items():
        text = str(value)
        is_plain = text.isprintable() and " " not in text
        parts.append(f"{key}={text}" if is_plain else f"{key}={text!r}")
    return " ".join(parts)
