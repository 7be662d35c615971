"""Before variations are written: their products offer what they choose, and the rows whose place
they take have given up their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from integration.connectors.base import Payload
from integration.connectors.batches import main_is_gone
from integration.connectors.woocommerce import batch, variations
from integration.connectors.woocommerce.batch import Verdict
from integration.connectors.woocommerce.client import Client
from integration.connectors.woocommerce.pace import Pace
from integration.connectors.woocommerce.rows import Row
from integration.errors import Held, IntegrationError, TransientError

Settled = tuple[Row, Verdict]


class Families:
    """The products with variations of one push."""

    def __init__(self, client: Client, payloads: Sequence[Payload], pace: Pace) -> None:
        self._client, self._payloads, self._pace = client, payloads, pace
        self._choosing: list[Row] = []
        self._has_written = False

    def prepare(self, rows: Sequence[Row]) -> tuple[list[Row], dict[int, Settled]]:
        """The rows that can be written now, and what became of the others, by position.

        Raises: as `batch.write`.
        """
        choosing = [one for one in rows if one.parent is not None and "attributes" in one.values]
        settled = {row.position: (row, Verdict(error=one)) for row, one in self._offer(choosing)}
        self._choosing = [one for one in choosing if one.position not in settled]
        replacing = [one for one in rows if one.instead_of and one.position not in settled]
        given_up = [one.instead_of for one in replacing if one.instead_of]
        for row, verdict in zip(
            replacing, batch.write(self._client, given_up, self._pace), strict=True
        ):
            if verdict.error is not None:
                settled[row.position] = (row, verdict)
        return [one for one in rows if one.position not in settled], settled

    def look_again(self) -> dict[int, Settled]:
        """Another worker may have written the same product's attributes meanwhile, without our
        options: nobody could choose them. The rows that have to go again, by position."""
        if not self._has_written:
            return {}
        try:
            late = self._offer(self._choosing)
        except TransientError as error:
            late = [(row, error) for row in self._choosing]
        return {row.position: (row, Verdict(error=error)) for row, error in late}

    def _offer(self, rows: Sequence[Row]) -> list[tuple[Row, IntegrationError]]:
        """Have the products offer what these variations choose; why some cannot."""
        there = variations.attributes_of(self._client, [str(one.parent) for one in rows])
        error_by_parent: dict[str, IntegrationError] = {}
        parents = []
        for parent, attributes in there.items():
            below = [one.values["attributes"] for one in rows if one.parent == parent]
            wanted = variations.extended(attributes, chain.from_iterable(below))
            if wanted is not None:
                parents.append(Row(0, parent, {"attributes": wanted}, ()))
        for row, verdict in zip(
            parents, batch.write(self._client, parents, self._pace), strict=True
        ):
            self._has_written = True
            gone = TransientError("the product with its variations was deleted meanwhile")
            error = gone if verdict.has_vanished else verdict.error
            if error is not None:
                error_by_parent[str(row.id)] = error
        found: list[tuple[Row, IntegrationError]] = []
        for row in rows:
            parent = str(row.parent)
            if parent not in there:
                found.append((row, self._no_parent(row)))
            elif parent in error_by_parent:
                found.append((row, error_by_parent[parent]))
        return found

    def _no_parent(self, row: Row) -> Held:
        payload = self._payloads[row.position]
        return main_is_gone(payload, payload["body"]["mainArticle"])
