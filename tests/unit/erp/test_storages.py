"""Where the pieces lie that a channel sells."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.erp.storages import Storage, of_channel, stocks
from integration.errors import Gone, Rejected, TransientError

MAIN, BRANCH = {"id": 5, "label": "Main"}, {"id": "6"}


class Client:
    """Answers every question in the same way; None: there is no such thing."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get(self, path: str, params: Any = None) -> Any:
        if self.answer is None:
            raise Gone(f"{path} is not there")
        return self.answer


def sold_from(*rows: Any) -> list[Storage]:
    return of_channel(Client({"salesChannelStorages": list(rows)}), "42")  # type: ignore[arg-type]


def lying(answer: Any) -> dict[str, Decimal]:
    there = [Storage("5", "Main"), Storage("6", "6", Decimal(50))]
    found = stocks(Client(answer), "7", there)["storages"]  # type: ignore[arg-type]
    assert [one["percent"] for one in found] == [100, 50]
    return {one["id"]: one["available"] for one in found}


def test_a_channel_sells_from_its_storages_all_of_it_unless_it_says_a_share():
    assert sold_from(
        {"storageRef": MAIN, "availabilityPercent": None},
        {"storageRef": BRANCH, "availabilityPercent": "12.5"},
        {"storageRef": MAIN, "availabilityPercent": 1},
        {"storageRef": None},
        {},
    ) == [Storage("5", "Main"), Storage("6", "6", Decimal("12.5"))]


def test_of_other_storages_nothing_is_told_and_where_nothing_lies_there_is_none():
    lies = [
        {"storageRef": MAIN, "stockAvailable": "3.5"},
        {"storageRef": {"id": "7"}, "stockAvailable": 9},
        {"storageRef": None, "stockAvailable": 9},
    ]

    assert lying(lies) == {"5": Decimal("3.5"), "6": 0}
    assert lying([{"storageRef": BRANCH, "stockAvailable": None}]) == {"5": 0, "6": 0}
    assert lying(None) == {"5": 0, "6": 0}


def test_a_channel_that_the_erp_does_not_tell_takes_no_article_out_of_the_shop():
    """Gone would say that of the article."""
    with pytest.raises(TransientError, match="does not tell the storages of channel 42"):
        of_channel(Client(None), "42")  # type: ignore[arg-type]


def test_what_cannot_be_read_stops_the_article_instead_of_emptying_a_warehouse():
    with pytest.raises(Rejected, match="article id 7: the ERP's stockAvailable of a storage"):
        lying([{"storageRef": MAIN, "stockAvailable": "many"}])
    with pytest.raises(Rejected, match="availabilityPercent of the storage 5 is no number"):
        sold_from({"storageRef": MAIN, "availabilityPercent": "half"})
