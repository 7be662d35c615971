"""What an install or a self-check says: one line per step, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from integration.installation.texts import TEXT_BY_KEY

LANGUAGES = ("en", "de")


@dataclass(frozen=True)
class Line:
    """One step: `detail` says how it is, `do` what somebody has to do, empty for nothing."""

    step: str
    ok: bool
    detail: str
    do: str = ""


class Words:
    """The sentences of a report in one language: German for ``de``, ``de-AT`` ..., else English."""

    def __init__(self, language: str = "en") -> None:
        primary = language.strip().lower().replace("_", "-").partition("-")[0]
        self.language = primary if primary in LANGUAGES else LANGUAGES[0]
        self._place = LANGUAGES.index(self.language)

    def __call__(self, key: str, **values: object) -> str:
        return TEXT_BY_KEY[key][self._place].format(**values)
