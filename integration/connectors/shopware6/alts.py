"""Alt texts of images: those of the ERP in the shop's languages, and which of ours have to go.

What we sent is noted beside the mark of the image. A text that the ERP has no more is taken away
only while it is still ours: it is asked for in its language, because the translations of a media
would need a right of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from integration.connectors.base import FactStore
from integration.connectors.files import ImageBody, text_in
from integration.connectors.shopware6 import choices
from integration.connectors.shopware6.client import PAGE_SIZE, Client
from integration.connectors.shopware6.details import SYSTEM_LANGUAGE
from integration.mapping_kinds import Kind

_LANGUAGES = "languages"

#: A media and the language of a text of it.
Place = tuple[str, str]


class AltTexts:
    """The alt texts of one push."""

    def __init__(self, client: Client, facts: FactStore) -> None:
        self._client, self._facts = client, facts

    def of(self, image: ImageBody) -> dict[str, str]:
        """The text by language of the shop; empty where the ERP has none."""
        texts: Mapping[str, str] = image["alt"]
        if not texts:
            return {}
        by_language = {
            language_id: text
            for language_id, code in self._languages
            if (text := text_in(code, texts)) is not None
        }
        by_language.setdefault(SYSTEM_LANGUAGE, next(iter(texts.values())))
        return by_language

    def still_ours(self, sent: Iterable[tuple[Place, str]]) -> frozenset[Place]:
        """Of these texts that we sent, those that the shop still has; an employee changed the
        others. One search per language."""
        text_by_place = dict(sent)
        found: set[Place] = set()
        for language in sorted({language for _, language in text_by_place}):
            ids = sorted(media for media, one in text_by_place if one == language)
            for start in range(0, len(ids), PAGE_SIZE):
                texts = self._shown(ids[start : start + PAGE_SIZE], language)
                found |= {
                    (media, language)
                    for media, text in texts.items()
                    if text == text_by_place[media, language]
                }
        return frozenset(found)

    def _shown(self, media_ids: Sequence[str], language: str) -> dict[str, str | None]:
        rows = self._client.search(
            "media", language=language, ids=list(media_ids), includes={"media": ["id", "alt"]}
        )
        return {str(row["id"]): row.get("alt") for row in rows}

    @cached_property
    def _languages(self) -> list[tuple[str, str]]:
        """Id and code of the shop's languages, asked once a day and looked up once per push."""
        known = self._facts.get(_LANGUAGES)
        if not isinstance(known, list):
            offered = choices.offered(self._client, Kind.LANGUAGE) or []
            known = [[one.id, one.code] for one in offered if one.code]
            self._facts.put(_LANGUAGES, known)
        return [(str(language_id), str(code)) for language_id, code in known]
