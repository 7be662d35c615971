"""Whether the ERP's columns say what its REST answers say, on a sample of a channel's articles.

A column named `netSalesPrice` may be the price of the default channel, a `stockAvailable` the
stock of all storages: nobody wrote down what they hold. So the values of some listed articles are
compared, column against REST (vario-erp.md 8.2, 8.3), before a channel lives on columns. Amounts
whose currency no column names are taken for the channel's, so that is compared, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from integration.erp import catalogue, reads, vql
from integration.erp.client import ErpClient
from integration.erp.listings import count_listed
from integration.erp.rows import decimal, group, truth
from integration.errors import Rejected

#: Articles per read: if one in seven differs, 20 of them show it 19 times in 20.
SAMPLES = 20
#: The samples come from so many places of the catalogue, and from so many rows at each.
PLACES, ROWS_AT_A_PLACE = 4, 25

Fields = Mapping[str, Any]
Read = Callable[[ErpClient, str, str], Fields]

_READS: dict[str, Read] = {catalogue.PRICE: reads.price, catalogue.STOCK: reads.stock}


@dataclass
class Comparison:
    """One check of one channel, which may be cut short and go on later.

    `currency`: the channel's. `looked_at`: articles by read that were compared so far, also by
    earlier turns. `findings` has the reads that are decided. A read of which nothing could be
    compared, because no article has a value, does not agree: an empty catalogue proves nothing.
    """

    client: ErpClient
    channel_erp_id: str
    offered: frozenset[str]
    _: KW_ONLY
    currency: str
    looked_at: dict[str, int] = field(default_factory=dict)
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)
    rng: random.Random = field(default_factory=random.SystemRandom)

    @property
    def columns(self) -> list[str]:
        """The columns that are compared."""
        return [path for one in self._columns_by_read().values() for path in one.values()]

    def _columns_by_read(self) -> dict[str, dict[str, str]]:
        return {read: catalogue.compared_columns(read, self.offered) for read in _READS}

    def run(self) -> None:
        """Raises: what the client raises; what was found until then is kept in the fields."""
        columns_by_read = self._columns_by_read()
        paths = {name: path for one in columns_by_read.values() for name, path in one.items()}
        if not paths:
            return
        samples = self._samples(paths)
        for read, by_name in columns_by_read.items():
            if by_name:
                self.findings[read] = self._finding(read, by_name, samples)

    def _samples(self, paths: Mapping[str, str]) -> dict[str, Fields]:
        """Values of the columns by article, for listed articles from all over the catalogue."""
        count = count_listed(self.client, self.channel_erp_id)
        per_place = SAMPLES // PLACES if count > SAMPLES else SAMPLES
        samples: dict[str, Fields] = {}
        for place in range(PLACES if count > SAMPLES else 1):
            start, end = place * count // PLACES, (place + 1) * count // PLACES
            offset = self.rng.randint(start, max(start, end - ROWS_AT_A_PLACE))
            found = self._rows(paths, offset if count > SAMPLES else 0)
            samples.update(self.rng.sample(sorted(found.items()), min(per_place, len(found))))
        return samples

    def _rows(self, paths: Mapping[str, str], offset: int) -> dict[str, Fields]:
        where = [vql.equals_id(catalogue.CHANNEL_PATH, self.channel_erp_id)]
        page = self.client.vql(self._statement(paths, where), limit=ROWS_AT_A_PLACE, offset=offset)
        rows = {key: row for key, row in group(page.rows).items() if vql.is_id(key)}
        return {key: row for key, row in rows.items() if truth(row.get("listed"), True)}

    def _one(self, paths: Mapping[str, str], article_id: str) -> Fields:
        where = [
            vql.equals_id(catalogue.CHANNEL_PATH, self.channel_erp_id),
            vql.in_ids("id", [article_id]),
        ]
        page = self.client.vql(self._statement(paths, where), limit=ROWS_AT_A_PLACE)
        return group(page.rows).get(article_id, {})

    def _statement(self, paths: Mapping[str, str], where: list[vql.Condition]) -> str:
        listed = {"listed": "listings.listed"} if "listings.listed" in self.offered else {}
        columns = [vql.Column(path, name) for name, path in {**listed, **paths}.items()]
        return vql.select(
            [vql.Column("id"), *columns], catalogue.SHOP_LISTING, where=where, order_by=["id"]
        )

    def _finding(
        self, read: str, paths: Mapping[str, str], samples: Mapping[str, Fields]
    ) -> dict[str, Any]:
        """One read's finding; the first article that differs decides."""
        finding: dict[str, Any] = {"columns": list(paths.values()), "difference": None}
        for article_id, row in samples.items():
            if self.looked_at.get(read, 0) >= SAMPLES:
                break
            try:
                finding["difference"] = self._difference(read, paths, article_id, row)
            except Rejected:  # the ERP refuses this article: it proves nothing
                continue
            if finding["difference"]:
                break
        compared = self.looked_at.get(read, 0)
        return {
            **finding,
            "compared": compared,
            "agrees": finding["difference"] is None and compared > 0,
        }

    def _difference(
        self, read: str, paths: Mapping[str, str], article_id: str, row: Fields
    ) -> str | None:
        """What differs, as a sentence; an article that changed in between gets a second look."""
        answer = _READS[read](self.client, article_id, self.channel_erp_id)
        told = self._different(paths, row, answer)
        if told:
            row = self._one(paths, article_id)
            answer = _READS[read](self.client, article_id, self.channel_erp_id)
            told = self._different(paths, row, answer)
        amounts = catalogue.COMPARED[read]
        if any(decimal(one.get(name)) is not None for one in (row, answer) for name in amounts):
            self.looked_at[read] = self.looked_at.get(read, 0) + 1
        return f"article {article_id}: {told}" if told else None

    def _different(self, paths: Mapping[str, str], row: Fields, answer: Fields) -> str:
        told = [
            f"column {path} says {_shown(row.get(name))}, REST {_shown(answer.get(name))}"
            for name, path in paths.items()
            if name != catalogue.CURRENCY and decimal(row.get(name)) != decimal(answer.get(name))
        ]
        return "; ".join(told) or self._foreign(paths, row, answer)

    def _foreign(self, paths: Mapping[str, str], row: Fields, answer: Fields) -> str:
        """What differs of the currency. One that REST does not name by its code proves nothing."""
        rest, column = answer.get(catalogue.CURRENCY), row.get(catalogue.CURRENCY)
        is_named = rest is not None and reads.is_currency_code(rest)
        if not is_named or rest == str(column or self.currency).upper():
            return ""
        if column is not None:
            return f"column {paths[catalogue.CURRENCY]} says {column}, REST {rest}"
        return f"no column names the currency, REST says {rest} and the channel sells in " + (
            self.currency
        )


def _shown(value: Any) -> str:
    number = decimal(value)
    return "nothing" if number is None else f"{number:f}"
