from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.connectors.shopware6 import batch, refusals
from integration.connectors.shopware6.batch import Row, Verdict
from integration.connectors.shopware6.refusals import Refused, entries_of
from integration.errors import Busy, ClaimLost, Rejected, Throttled, TransientError
from integration.topology import Topic
from tests.unit.connectors.kit import blank, duplicate, envelope, hex_id, sql_error, violation

NO_POINTER = sql_error("1406", "SQLSTATE[22001]: String data, right truncated: 1406 Data too long")


def rows(count: int, **values: Any) -> list[Row]:
    sent = [{"id": hex_id(str(n)), "stock": n, **values} for n in range(count)]
    return [Row(n, one, (Topic.STOCK,)) for n, one in enumerate(sent)]


class Platform:
    """Accepts all or nothing; refuses the ids in `bad`, naming them by pointer or not at all."""

    def __init__(self, bad: set[str], *, points: bool) -> None:
        self.bad, self.points, self.writes = bad, points, 0
        self.stored: dict[str, Any] = {}

    def __call__(self, sent: Sequence[Row]) -> frozenset[str]:
        self.writes += 1
        values = [row.values for row in sent]
        assert values, "the shop refuses an empty payload"
        wrong = [n for n, one in enumerate(values) if one["id"] in self.bad]
        if wrong and self.points:
            told = [violation(f"/product/{n}/stock", "is wrong", "1") for n in wrong]
            raise Refused(entries_of(envelope(*told)))
        if wrong:
            raise Refused(entries_of(envelope(NO_POINTER)))
        self.stored.update((one["id"], one) for one in values)
        return frozenset(one["id"] for one in values)


batches = st.integers(1, 100).flatmap(
    lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))
)


@given(batches)
def test_halving_accepts_the_good_rows_and_refuses_the_bad_ones(case: tuple[int, set[int]]) -> None:
    count, bad = case
    platform = Platform({hex_id(str(n)) for n in bad}, points=False)

    verdicts = batch.write(rows(count), platform)

    assert {n for n, verdict in enumerate(verdicts) if verdict.error is not None} == bad
    assert all(isinstance(verdicts[n].error, Rejected) for n in bad)
    assert set(platform.stored) == {hex_id(str(n)) for n in range(count)} - platform.bad
    assert platform.writes <= 2 * len(bad) * math.ceil(math.log2(count) if count > 1 else 1) + 1
    assert platform.writes <= 2 * count - 1


def test_an_unnamed_bad_row_among_a_hundred_costs_at_most_thirteen_further_requests() -> None:
    """2 x log2(100) = 13.3; the refused request with all of them comes before."""
    further_by_position: dict[int, int] = {}
    for position in range(100):
        platform = Platform({hex_id(str(position))}, points=False)
        batch.write(rows(100), platform)
        further_by_position[position] = platform.writes - 1

    assert {at: further for at, further in further_by_position.items() if further > 13} == {}


@given(batches)
def test_pointers_cost_one_more_request_however_many_rows_are_bad(
    case: tuple[int, set[int]],
) -> None:
    count, bad = case
    platform = Platform({hex_id(str(n)) for n in bad}, points=True)

    verdicts = batch.write(rows(count), platform)

    assert {n for n, verdict in enumerate(verdicts) if verdict.error is not None} == bad
    assert platform.writes == 1 + (0 < len(bad) < count)


@pytest.mark.parametrize(
    ("bad", "seen"),
    [
        # The first half is taken, so the second one has the bad row: it is not sent as a whole.
        ({2}, [[0, 1, 2, 3], [0, 1], [2], [3]]),
        ({3}, [[0, 1, 2, 3], [0, 1], [2], [3]]),
        # The first half is refused, which says nothing of the second one.
        ({0}, [[0, 1, 2, 3], [0, 1], [0], [1], [2, 3]]),
        ({1, 2}, [[0, 1, 2, 3], [0, 1], [0], [1], [2, 3], [2], [3]]),
    ],
)
def test_halves_are_sent_in_order_and_only_while_it_is_not_known_whose_fault_it_is(
    bad: set[int], seen: list[list[int]]
) -> None:
    sizes: list[list[int]] = []
    platform = Platform({hex_id(str(one)) for one in bad}, points=False)

    def post(sent: Sequence[Row]) -> frozenset[str]:
        sizes.append([row.values["stock"] for row in sent])
        return platform(sent)

    batch.write(rows(4), post)

    assert sizes == seen


def test_rows_that_only_together_are_refused_are_all_taken_in_halves() -> None:
    """As when a request is too large: no half is at fault, though the first one is taken."""

    def post(sent: Sequence[Row]) -> frozenset[str]:
        if len(sent) > 2:
            raise Refused(entries_of(envelope(NO_POINTER)))
        return frozenset(row.id for row in sent)

    assert batch.write(rows(7), post) == [Verdict()] * 7


def test_a_row_counts_only_if_the_answer_names_it() -> None:
    verdicts = batch.write(rows(2), lambda values: frozenset([hex_id("0")]))

    assert verdicts[0] == Verdict()
    assert str(verdicts[1].error) == "the shop answered 200 but did not name the row"


def test_a_duplicate_number_names_its_row_by_the_number() -> None:
    sent = [
        Row(n, {"id": hex_id(str(n)), "productNumber": f"a-{n}"}, (Topic.ARTICLE,)) for n in (0, 1)
    ]
    answers = [Refused(entries_of(envelope(duplicate("A-1")))), frozenset([hex_id("0")])]

    verdicts = batch.write(sent, _answering(answers))

    assert verdicts[0] == Verdict()
    assert verdicts[1].is_duplicate
    assert str(verdicts[1].error) == 'Product with number "A-1" already exists.'


def test_a_duplicate_number_that_two_rows_have_is_halved() -> None:
    sent = [Row(n, {"id": hex_id(str(n)), "productNumber": "A"}, (Topic.ARTICLE,)) for n in (0, 1)]
    taken = Refused(entries_of(envelope(duplicate("A"))))

    verdicts = batch.write(sent, _answering([taken, frozenset([hex_id("0")]), taken]))

    assert verdicts[0] == Verdict()
    assert verdicts[1].is_duplicate


def test_a_blank_field_that_was_not_sent_means_that_the_product_has_vanished() -> None:
    told = [blank(f"/product/0/{name}") for name in ("taxId", "price", "productNumber")]
    told.append(blank("/product/0/translations/2fbb5fe2e29a4d70aa5854ce7ce3e20b/name"))

    verdicts = batch.write(rows(1), _answering([Refused(entries_of(envelope(*told)))]))

    assert verdicts == [Verdict(has_vanished=True)]


def test_a_blank_field_that_was_sent_is_the_rows_own_fault() -> None:
    told = blank("/product/0/translations/2fbb5fe2e29a4d70aa5854ce7ce3e20b/name")

    (verdict,) = batch.write(rows(1, name=""), _answering([Refused(entries_of(envelope(told)))]))

    assert not verdict.has_vanished
    assert str(verdict.error) == "name: This value should not be blank."


def test_a_first_write_cannot_vanish() -> None:
    row = Row(0, {"id": hex_id("0")}, (Topic.ARTICLE,), is_first=True)

    (verdict,) = batch.write(
        [row], _answering([Refused(entries_of(envelope(blank("/product/0/cover"))))])
    )

    assert str(verdict.error) == "cover: This value should not be blank."


def test_a_deadlock_is_tried_three_times_more_and_then_reported() -> None:
    writes = 0

    def post(sent: Sequence[Row]) -> frozenset[str]:
        nonlocal writes
        writes += 1
        raise Busy("locked", 2.0)

    with pytest.raises(Busy):
        batch.write(rows(1), post)

    assert writes == 4


def test_a_failure_before_anything_is_settled_is_that_of_the_whole_batch() -> None:
    with pytest.raises(Throttled):
        batch.write(rows(4), _answering([Throttled("slow down", 7.0)]))


def test_a_failure_later_leaves_the_settled_rows_settled() -> None:
    refused = Refused(entries_of(envelope(NO_POINTER)))
    lost = TransientError("504", outcome_unknown=True)

    verdicts = batch.write(
        rows(4), _answering([refused, frozenset([hex_id("0"), hex_id("1")]), lost])
    )

    assert verdicts == [Verdict(), Verdict(), Verdict(lost), Verdict(lost)]


def test_a_lost_claim_is_never_a_verdict() -> None:
    refused = Refused(entries_of(envelope(NO_POINTER)))
    answers = [refused, frozenset([hex_id("0"), hex_id("1")]), ClaimLost("taken over")]

    with pytest.raises(ClaimLost):
        batch.write(rows(4), _answering(answers))


def test_nothing_to_write_asks_nothing() -> None:
    assert batch.write([], _answering([])) == []


def _answering(answers: list[Any]) -> batch.Post:
    left = iter(answers)

    def post(sent: Sequence[Row]) -> frozenset[str]:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    return post


@given(st.integers(0, 99), st.sampled_from(["stock", "price/0/gross", "translations/ab/name"]))
def test_a_pointer_with_an_index_names_that_row(index: int, field: str) -> None:
    ids = [hex_id(str(n)) for n in range(100)]

    assert refusals.row_of(f"/product/{index}/{field}", ids) == index


@given(st.integers(0, 99), st.booleans(), st.sampled_from(["/product/{}/name", "/{}/name", "/{}"]))
def test_a_pointer_with_an_id_names_the_row_with_that_id(
    index: int, has_dashes: bool, form: str
) -> None:
    ids = [hex_id(f"x{n}") for n in range(100)]
    shown = ids[index]
    if has_dashes:
        shown = "-".join((shown[:8], shown[8:12], shown[12:16], shown[16:20], shown[20:])).upper()

    assert refusals.row_of(form.format(shown), ids) == index


@given(st.text())
def test_any_other_text_names_no_row_and_breaks_nothing(pointer: str) -> None:
    assert refusals.row_of(pointer, [hex_id("a")]) is None
    assert refusals.field_of(pointer).count("/") <= pointer.count("/")


@pytest.mark.parametrize(
    "pointer",
    ["", "/", "/product", "/product/2/stock", "/product/²/stock", "/product/-1", "/other/0/stock"],
)
def test_a_pointer_to_a_row_that_was_not_sent_names_none(pointer: str) -> None:
    assert refusals.row_of(pointer, [hex_id("a"), hex_id("b")]) is None


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("/product/3/taxId", "taxId"),
        ("/product/3/price/0/gross", "price/0/gross"),
        ("/product/3/translations/2fbb5fe2e29a4d70aa5854ce7ce3e20b/name", "name"),
        (f"/{hex_id('a')}/name", "name"),
        ("", ""),
    ],
)
def test_the_field_of_a_pointer(pointer: str, field: str) -> None:
    assert refusals.field_of(pointer) == field


@pytest.mark.parametrize(
    "body",
    [None, [], "text", {}, {"errors": None}, {"errors": "no"}, {"errors": [None, 3]}],
)
def test_what_is_no_envelope_has_no_entries(body: Any) -> None:
    assert entries_of(body) == []


def test_an_entry_may_lack_every_member() -> None:
    (entry,) = entries_of({"errors": [{"meta": {"parameters": []}, "source": None}]})

    assert (entry.code, entry.detail, entry.pointer) == ("0", "no reason given", "")


def test_what_the_shop_says_is_kept_in_its_words_once() -> None:
    told = violation("/product/0/stock", "This value should be of type int.", '"viele"')

    assert refusals.sentences(entries_of(envelope(told, told))) == (
        'stock: This value should be of type int. (sent: "viele")'
    )
