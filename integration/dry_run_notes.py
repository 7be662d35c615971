"""What a dry run remembers of a catalogue of any size: on disk, so that its memory stays flat."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping

_TABLES = """
CREATE TABLE met (article TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE number (number TEXT PRIMARY KEY, article TEXT) WITHOUT ROWID;
"""


class Notes:
    """Articles that were met, and which of them came first with a number.

    A temporary database of this process alone; it is gone with it.
    """

    def __init__(self) -> None:
        # Not :memory: but a file without a name, of which SQLite keeps a few pages in memory.
        self._file = sqlite3.connect("")
        self._file.executescript(_TABLES)

    def meet(self, articles: Collection[str]) -> None:
        """These articles are in the shop and listed."""
        rows = [(one,) for one in articles]
        self._file.executemany("INSERT OR IGNORE INTO met VALUES (?)", rows)

    def unmet(self, articles: Collection[str]) -> list[str]:
        """Those that were not met, in their order."""
        query = "SELECT 1 FROM met WHERE article = ?"
        return [one for one in articles if self._file.execute(query, (one,)).fetchone() is None]

    def earlier(self, number_by_article: Mapping[str, str]) -> dict[str, str]:
        """Another article that came before with the same number, by article; shops compare numbers
        without regard to case."""
        found = {}
        for article, number in number_by_article.items():
            key = number.casefold()
            self._file.execute("INSERT OR IGNORE INTO number VALUES (?, ?)", (key, article))
            query = "SELECT article FROM number WHERE number = ?"
            (first,) = self._file.execute(query, (key,)).fetchone()
            if first != article:
                found[article] = first
        return found
