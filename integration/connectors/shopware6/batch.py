"""Gets a batch accepted that the shop takes as a whole or not at all, and finds the rows at fault.

Since 6.5 one bad row refuses the whole request. Rows that the refusal points at are taken out and
the rest is sent again; a refusal that names nobody halves the rows until the one at fault is alone.
A half whose other half was taken has the row at fault, and is halved without being sent. Each
refused request settles at least one row or halves a group, so n rows cost at most 2n - 1 requests,
and a few bad ones among many at most 2 log2(n) each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integration.connectors.shopware6 import refusals
from integration.connectors.shopware6.links import Operation
from integration.connectors.shopware6.refusals import Entry, Refused
from integration.errors import Busy, IntegrationError, Rejected, TransientError
from integration.topology import Topic

#: A deadlock ends when the other writer is done, which takes milliseconds.
LOCK_REPEATS = 3


@dataclass(frozen=True)
class Row:
    """One product as it goes into the request.

    `position` is that of its payload, `recorded` what the shop has taken once it accepts the row.
    """

    position: int
    values: Mapping[str, Any]
    recorded: tuple[Topic, ...]
    #: It creates its product, complete with all that this needs.
    is_first: bool = False
    was_adopted: bool = False
    #: Rows of other tables that go with it in the same request.
    also: tuple[Operation, ...] = ()
    #: Its row for our sales channel as it is to be, where customers do not find the product.
    shown: Mapping[str, Any] | None = None
    #: What to note of the product once the shop has taken it; None: nothing new.
    notes: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        return str(self.values["id"])

    @property
    def number(self) -> str | None:
        return self.values.get("productNumber")


@dataclass(frozen=True)
class Verdict:
    """What the shop said about one row; nothing of all that: accepted."""

    error: IntegrationError | None = None
    is_duplicate: bool = False
    has_vanished: bool = False
    #: The product that it is a variant of is gone.
    lacks_main: bool = False


#: Sends rows and tells the ids the shop has written. Raises Refused, IntegrationError.
Post = Callable[[Sequence[Row]], frozenset[str]]


def write(rows: Sequence[Row], post: Post) -> list[Verdict]:
    """One verdict per row, same order.

    Raises: what `post` raises; a TransientError only if nothing is settled yet, otherwise it
    becomes the verdict of the rows that are not.
    """
    run = _Run(rows, post)
    try:
        while run.waiting:
            run.step(run.waiting.pop())
    except TransientError as error:
        if not run.verdicts:
            raise
        return [run.verdicts.get(index, Verdict(error)) for index in range(len(rows))]
    return [run.verdicts[index] for index in range(len(rows))]


@dataclass(frozen=True)
class _Group:
    """Indexes of rows that are sent together."""

    indexes: Sequence[int]
    #: First half of a group that was refused; the second one is the next that waits.
    is_first_half: bool = False


@dataclass
class _Run:
    """One batch under way: groups that wait to be sent, and what is settled."""

    rows: Sequence[Row]
    post: Post
    waiting: list[_Group] = field(init=False)
    verdicts: dict[int, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.waiting = [_Group(range(len(self.rows)))] if self.rows else []

    def step(self, group: _Group) -> None:
        """Send one group and settle what the answer settles."""
        try:
            written = _sent(self.post, [self.rows[index] for index in group.indexes])
        except Refused as refused:
            self._refused(group.indexes, refused.entries)
            return
        for index in group.indexes:
            self.verdicts[index] = _evidence(self.rows[index], written)
        # A row alone is sent all the same, for the shop's own words about it.
        if group.is_first_half and len(self.waiting[-1].indexes) > 1:
            self._halve(self.waiting.pop().indexes)

    def _refused(self, group: Sequence[int], entries: Sequence[Entry]) -> None:
        named = _by_row(entries, [self.rows[index] for index in group])
        if not named and len(group) == 1:
            named = {0: list(entries)}
        for place, told in named.items():
            self.verdicts[group[place]] = _verdict(self.rows[group[place]], told)
        rest = [index for place, index in enumerate(group) if place not in named]
        if named and rest:
            self.waiting.append(_Group(rest))
        elif rest:
            self._halve(rest)

    def _halve(self, group: Sequence[int]) -> None:
        middle = len(group) // 2
        # The last one in is sent first: rows keep their order.
        self.waiting += [_Group(group[middle:]), _Group(group[:middle], is_first_half=True)]


def _sent(post: Post, rows: Sequence[Row]) -> frozenset[str]:
    for _ in range(LOCK_REPEATS):
        try:
            return post(rows)
        except Busy:
            continue
    return post(rows)


def _evidence(row: Row, written: frozenset[str]) -> Verdict:
    if row.id in written:
        return Verdict()
    return Verdict(Rejected("the shop answered 200 but did not name the row"))


def _by_row(entries: Sequence[Entry], rows: Sequence[Row]) -> dict[int, list[Entry]]:
    """The entries by the row that they mean; those that mean none are left out."""
    ids = [row.id for row in rows]
    named: dict[int, list[Entry]] = {}
    for entry in entries:
        place = refusals.row_of(entry.pointer, ids)
        if place is None:
            place = _owner(refusals.duplicate_number(entry), rows)
        if place is not None:
            named.setdefault(place, []).append(entry)
    return named


def _owner(number: str | None, rows: Sequence[Row]) -> int | None:
    """The one row with this number; None if there are several, so that halving decides."""
    if number is None:
        return None
    owners = [
        place
        for place, row in enumerate(rows)
        if row.number is not None and row.number.casefold() == number.casefold()
    ]
    return owners[0] if len(owners) == 1 else None


def _verdict(row: Row, entries: Sequence[Entry]) -> Verdict:
    if not row.is_first and any(_lacks(row, entry) for entry in entries):
        return Verdict(has_vanished=True)
    if row.values.get("parentId") and any(
        refusals.missing_table(entry) == refusals.OPERATION for entry in entries
    ):
        return Verdict(lacks_main=True)
    is_duplicate = any(refusals.duplicate_number(entry) is not None for entry in entries)
    return Verdict(Rejected(refusals.sentences(entries)), is_duplicate=is_duplicate)


def _lacks(row: Row, entry: Entry) -> bool:
    """The shop misses a field that we did not send: it is about to create a product.

    Only a creation needs them, so the product that we meant to change is gone. A blank field that
    we did send is our own mistake and says nothing about the product.
    """
    field_name = refusals.field_of(entry.pointer).partition("/")[0]
    return entry.code == refusals.BLANK and field_name not in ("", *row.values)
