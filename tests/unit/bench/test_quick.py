"""What keeps a quick run below five minutes, and what it may not say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.__main__ import GROUP_BY_NAME
from bench.results import MET, MISSED, TOO_FEW, Result
from bench.service import Bench


class Starts:
    """Services by name, and what became of them in their order."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def of(self, name: str):
        @contextmanager
        def start() -> Iterator[str]:
            self.log.append(f"{name} starts")
            yield name
            self.log.append(f"{name} ends")

        return start


def bench(is_quick: bool) -> Bench:
    return Bench("", "", Path(), is_quick)


def test_a_quick_run_of_all_groups_is_announced_with_five_minutes_at_most():
    assert sum(group.quick_minutes for group in GROUP_BY_NAME.values()) <= 5


def test_groups_of_a_quick_run_go_on_with_the_service_of_their_kind():
    starts, quick = Starts(), bench(is_quick=True)

    for kind in ("engine", "engine", "shop"):
        with quick.shared(kind, starts.of(kind)) as service:
            assert service == kind
            starts.log.append(f"{kind} is measured")
    quick.close()

    assert starts.log == [
        "engine starts",
        "engine is measured",
        "engine is measured",
        "engine ends",
        "shop starts",
        "shop is measured",
        "shop ends",
    ]


def test_a_full_run_has_a_fresh_service_for_each_group():
    starts, full = Starts(), bench(is_quick=False)

    for _ in range(2):
        with full.shared("engine", starts.of("engine")):
            pass

    assert starts.log == ["engine starts", "engine ends"] * 2


def test_nobody_goes_on_with_the_service_of_a_group_that_failed():
    starts, quick = Starts(), bench(is_quick=True)

    with pytest.raises(RuntimeError), quick.shared("engine", starts.of("engine")):
        raise RuntimeError("nothing was pushed")
    with quick.shared("engine", starts.of("engine")):
        pass

    assert starts.log == ["engine starts", "engine ends", "engine starts"]


@pytest.mark.parametrize(
    ("key", "value", "is_quick", "verdict"),
    [
        ("burst.file.shop", 1.09, True, TOO_FEW),  # what a batch needs besides, for few files
        ("burst.file.shop", 1.09, False, MISSED),
        ("burst.file.wrong", 1, True, MISSED),  # one wrong is one too many in any run
        ("burst.stock.erp", 4, True, MET),
    ],
)
def test_small_numbers_are_judged_only_where_they_say_something(key, value, is_quick, verdict):
    assert Result(key, [value], is_quick=is_quick).verdict == verdict
