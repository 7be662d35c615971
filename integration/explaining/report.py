"""The explanation as people and programs read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from integration import wire
from integration.explaining import chain
from integration.explaining.facts import Cause, Facts, Link
from integration.explaining.texts import Language, sentence
from integration.explaining.timeline import Entry, timeline
from integration.topology import SHORT_NAME_BY_TOPIC


@dataclass(frozen=True)
class Explanation:
    """Facts with their judgement, in one language."""

    facts: Facts
    links: Sequence[Link]
    verdict: Link
    entries: Sequence[Entry]
    language: Language

    @property
    def cause(self) -> Cause:
        return self.verdict.cause or Cause.OK

    @property
    def sentence(self) -> str:
        """Which article, and what is wrong with it first."""
        return f"{self._subject()}: {self.detail(self.verdict)}"

    def _subject(self) -> str:
        key = "subject" if self.facts.number else "subject_by_id"
        if not self.facts.is_known:
            key = "subject_as_asked"
        values = {"number": self.facts.number, "article": self.facts.article}
        return sentence(key, self.language, values)

    def detail(self, link: Link) -> str:
        return sentence(link.text, self.language, link.values, link.topic)

    def as_json(self) -> dict[str, Any]:
        """Shape: interface of `explain --json`; `ok` null: the link could not be looked at."""
        return {
            "channel": self.facts.channel,
            "article": self.facts.article,
            "number": self.facts.number,
            "cause": self.cause.value,
            "who": self.verdict.who.value,
            "sentence": self.sentence,
            "links": [
                {"name": one.name, "ok": one.ok, "detail": self.detail(one)} for one in self.links
            ],
            "timeline": [entry_as_json(one, self.language) for one in self.entries],
        }


def happened(entry: Entry, language: Language) -> str:
    """The sentence about an entry."""
    return sentence(entry.key, language, entry.values, entry.topic)


def entry_as_json(entry: Entry, language: Language) -> dict[str, Any]:
    """Shape: an element of `timeline`. `hash` and `sent` where something was sent, masked."""
    shape = {
        "at": None if entry.at is None else entry.at.isoformat(),
        "topic": None if entry.topic is None else SHORT_NAME_BY_TOPIC[entry.topic],
        "event": entry.event,
        "detail": happened(entry, language),
    }
    logged = entry.logged
    if logged is not None and entry.at == logged.at and logged.content_hash is not None:
        shape["hash"] = logged.content_hash
        if logged.sent is not None:
            shape["sent"] = wire.plain(logged.sent)
    return shape


def explain(facts: Facts, language: Language) -> Explanation:
    """The facts judged."""
    links = chain.links(facts)
    return Explanation(facts, links, chain.verdict(links), timeline(facts), language)
