"""What a case says of a connector, and the report of all cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Held is as promised. Lost: the connector says that the shop has it, and it has not.
    Duplicated: the shop has it twice. Not supported: it cannot be tried on this platform."""

    HELD = "held"
    LOST = "lost"
    DUPLICATED = "duplicated"
    WRONG = "wrong"
    NOT_SUPPORTED = "not supported"

    @property
    def is_red(self) -> bool:
        return self in (Verdict.LOST, Verdict.DUPLICATED, Verdict.WRONG)


class Finding(Exception):
    """Ends a case with a verdict and one sentence."""

    verdict = Verdict.WRONG


class Wrong(Finding):
    """Something else than it promises."""


class Lost(Finding):
    verdict = Verdict.LOST


class Duplicated(Finding):
    verdict = Verdict.DUPLICATED


class NotSupported(Finding):
    verdict = Verdict.NOT_SUPPORTED


@dataclass(frozen=True)
class Row:
    """A case of the report; `words` say what was seen."""

    case: str
    title: str
    verdict: Verdict
    words: str = ""


@dataclass(frozen=True)
class Report:
    """All cases of one connector. `left` says what of the kit is still in the shop."""

    platform: str
    rows: Sequence[Row]
    left: str = ""

    @property
    def red(self) -> list[str]:
        """The cases that it fails."""
        return [row.case for row in self.rows if row.verdict.is_red]

    @property
    def sum(self) -> str:
        """How many cases have each verdict, in one line."""
        counts = ((one, sum(row.verdict is one for row in self.rows)) for one in Verdict)
        return ", ".join(f"{count} {one}" for one, count in counts if count)

    def lines(self) -> list[str]:
        """For a terminal: a line per case."""
        width = max((len(row.case) for row in self.rows), default=0)
        shown = [
            f"{row.case:<{width}}  {row.verdict:<13}  {row.words}".rstrip() for row in self.rows
        ]
        return [*shown, f"{self.platform}: {self.sum}", *([self.left] if self.left else [])]

    def markdown(self) -> str:
        """The same as a page."""
        rows = [
            f"| `{row.case}` | {row.title} | {row.verdict} | {_cell(row.words)} |"
            for row in self.rows
        ]
        return "\n".join(
            [
                f"# Conformance of {self.platform}",
                "",
                "| case | what happens | verdict | seen |",
                "|---|---|---|---|",
                *rows,
                "",
                f"{self.sum[:1].upper()}{self.sum[1:]}.",
                *(["", self.left] if self.left else []),
                "",
            ]
        )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
