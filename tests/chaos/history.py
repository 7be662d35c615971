"""What the shop's own write history says about order: late writes, and what became of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from tests.chaos.editor import FIELDS, Ledger
from tests.chaos.shops import is_sold, values_of
from tests.chaos.watch import Interval, covered_s
from tests.chaos.world import World


@dataclass(frozen=True)
class Write:
    """One applied write of a product. `at`: seconds since the epoch.

    `is_sold`: whether the product is for sale from then on; None: as before.
    `is_deletion`: an employee of the shop deleted the product, and every older value with it.
    """

    at: float
    request: str
    values: dict[str, Any]
    is_sold: bool | None = None
    is_deletion: bool = False


@dataclass(frozen=True)
class LateWrite:
    """A value of the ERP written after a newer one.

    `repaired_s`: how long the product was for sale with it; None: it was never undone.
    """

    number: str
    field: str
    at: float
    value: str
    repaired_s: float | None


def history(world: World, number: str) -> list[dict[str, Any]]:
    """Every write to the product, refused and employees' ones too."""
    answer = requests.get(f"{world.shop_url}/_sandbox/history", {"number": number}, timeout=30)
    return list(answer.json()["writes"])


def applied(entries: Sequence[dict[str, Any]]) -> list[Write]:
    """Writes of ours that the shop took, and deletions by its employees."""
    taken = [one for one in entries if one["entity"] == "product" and one["result"] == "applied"]
    return [
        Write(
            datetime.fromisoformat(one["at"]).timestamp(),
            one["request"],
            {} if one["action"] == "delete" else values_of(one["body"]),
            None if one["action"] == "delete" else is_sold(one["body"]),
            is_deletion=one["action"] == "delete",
        )
        for one in taken
        if one["by"] == "api" or one["action"] == "delete"
    ]


def late_writes(number: str, writes: Sequence[Write], ledger: Ledger) -> Iterator[LateWrite]:
    """Each value that is older in the ERP than one which the shop had before."""
    for field in FIELDS:
        versions = [
            (
                write.at,
                write.values[field],
                ledger.version(number, field, write.values[field], write.at),
            )
            for write in writes
            if field in write.values
        ]
        newest = -1
        for place, (at, value, version) in enumerate(versions):
            if version is None:
                continue  # not an employee's of the ERP; the comparison judges it
            if version < newest:
                repairs = [t for t, _, v in versions[place + 1 :] if v is not None and v >= newest]
                repairs += [one.at for one in writes if one.is_deletion and one.at > at]
                # What the shop has is right from then on, and nothing need be sent.
                repairs += ledger.came_back(number, field, value, at)
                sold_s = covered_s(at, min(repairs, default=math.inf), times_of_sale(writes))
                late_s = sold_s if sold_s < math.inf else None
                yield LateWrite(number, field, at, str(value), late_s)
            newest = max(newest, version)


def times_of_sale(writes: Sequence[Write]) -> list[Interval]:
    """When the product was for sale. What is withdrawn gets all values when it is listed again."""
    intervals: list[Interval] = []
    began: float | None = -math.inf
    for write in writes:
        if write.is_sold is False and began is not None:
            intervals.append((began, write.at))
            began = None
        elif write.is_sold and began is None:
            began = write.at
    return intervals if began is None else [*intervals, (began, math.inf)]
