"""What a connector may have besides `base.Connector`, each for a purpose of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from integration.connectors.base import Choice, Payload, RemoteRecord
from integration.documents import DeliveryDocument
from integration.mapping_kinds import Kind


@runtime_checkable
class OffersChoices(Protocol):
    """So mappings are checked and suggested."""

    def offers(self, kind: Kind) -> list[Choice] | None:
        """What the shop has of a kind; None where this platform cannot list it. Only reads."""


@runtime_checkable
class ShowsProducts(Protocol):
    """So one article is explained without reading all."""

    def show(self, external_ids: Sequence[str]) -> list[RemoteRecord]:
        """What the shop shows of these products, without those that it does not have. Only reads.

        As `scan` with all fields, and whether they are visible.
        """


@runtime_checkable
class LooksUpAll(Protocol):
    """Of a connector whose shop may have a number on several products."""

    def lookup_all(self, numbers: Sequence[str]) -> dict[str, list[str]]:
        """All product ids by number of what the shop has, one that is ours or the oldest first. An
        article whose number is on several is not sent, unless one of them is its own."""


@runtime_checkable
class KnowsOwnProducts(Protocol):
    """So products of ours are known whose listing got lost."""

    def own_articles(
        self, external_ids: Sequence[str], candidates: Iterable[str]
    ) -> dict[str, str]:
        """Article by product, of those of these products that this channel's writes created; never
        of one that somebody else created. Only reads.

        `candidates`: all ids that articles may have had, for a platform whose ids we choose.
        """


@runtime_checkable
class KnowsForeignProducts(Protocol):
    """So it is told before two sales channels write the same product."""

    def foreign_marks(self, external_ids: Sequence[str]) -> dict[str, str]:
        """By product, of those of these products that another sales channel of this service made:
        which one, and its article. Only reads."""


@runtime_checkable
class TakesDeliveries(Protocol):
    """Of a connector whose capabilities name the topic order status."""

    def delivery_payload(self, document: DeliveryDocument, external_id: str | None) -> Payload:
        """The platform's format of one document about orders; `article_id` is the document's id.

        `external_id`: what an earlier receipt called its fulfilment. Pure. Raises Invalid, and
        MappingMissing for a carrier that the platform cannot do without.
        """
