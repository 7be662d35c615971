"""The proof of the work queue: random interleavings of everything that can happen to it.

Two workers with connections of their own drive the real functions; the ERP and the shop are
dicts. Whatever the order of events, retries, redeliveries, lost leases and late writes, also of
senders that die with them, the shop holds the ERP's values wherever a work item says that it is
done.
"""

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

from integration import (
    article_holds,
    first_writes,
    shop_products,
    toggles,
    work_items,
    work_outcomes,
)
from integration.clock import db_now
from integration.db import build_engine, session_scope
from integration.errors import (
    ChannelError,
    ClaimLost,
    MappingMissing,
    Rejected,
    Throttled,
    TransientError,
)
from integration.models import (
    BY_HAND,
    ArticleHold,
    Listing,
    Priority,
    SyncRun,
    TransferToggle,
    WorkItem,
)
from integration.topology import Topic
from integration.work_items import Claim, Settled
from tests.claims import claim_due
from tests.integration.support import LEASE_S, Database, open_database

#: What the first write of an article carries too.
CARRIED = (Topic.PRICE, Topic.STOCK)
TOPICS = (Topic.ARTICLE, *CARRIED)
#: Prices go the way of stocks; that they change as well would show nothing new.
CHANGING = (Topic.ARTICLE, Topic.STOCK)
ARTICLES = ("1", "2")
MAPPING = "mapping:tax:19"
ERRORS: Mapping[str, Callable[[], Exception]] = {
    "network": lambda: TransientError("connection refused"),
    "time-out": lambda: TransientError("no answer within 45 s", outcome_unknown=True),
    "429": lambda: Throttled("slow down", 30.0),
    "refused": lambda: Rejected("the name is too long"),
    "unmapped": lambda: MappingMissing(MAPPING, "tax 19 is not mapped"),
    "channel": lambda: ChannelError("the currency is wrong"),
    "bug": lambda: RuntimeError("nobody planned for this"),
}

Key = tuple[Topic, str]


def nth(things: Any, n: int) -> Any:
    return things[-1 - n % len(things)]


def content(value: int) -> str:
    """The content hash of a value."""
    return f"hash of {value}"


@dataclass(frozen=True)
class Row:
    """What the fetch of one entity brought. `first`: of the first write of a product."""

    value: int
    first: Mapping[Topic, int] = field(default_factory=dict)


@dataclass
class Message:
    """A push message: may be delivered again as long as the broker likes."""

    claim_id: str
    rows: Mapping[str, Row]


@dataclass(eq=False)
class Push:
    """A push stage under way on one worker."""

    worker: int
    held: Claim
    rows: Mapping[str, Row]
    has_begun: bool = False
    has_written: bool = False
    #: Two leases have passed since it began: nothing of it reaches the shop any more.
    is_over: bool = False

    def ids(self) -> list[int]:
        return [item.id for item in self.held.items if item.entity_id in self.rows]

    def keys(self, entity_id: str) -> Iterator[tuple[Key, int]]:
        """What the write of one row puts into the shop."""
        row = self.rows[entity_id]
        yield (self.held.topic, entity_id), row.value
        for topic, value in row.first.items():
            yield (topic, entity_id), value


def always(queue: "WorkQueue") -> bool:
    return True


def has(name: str) -> Callable[["WorkQueue"], bool]:
    """Is there one of these?"""
    return lambda queue: bool(getattr(queue, name))


def in_state(name: str) -> Callable[["WorkQueue"], bool]:
    return lambda queue: name in queue.states


def has_push(name: str) -> Callable[["WorkQueue"], bool]:
    return lambda queue: any(getattr(push, name) for push in queue.pushes)


#: Weight of each step, and when it is possible.
STEPS: Mapping[str, tuple[int, Callable[["WorkQueue"], bool]]] = {
    "the_erp_changes": (6, always),
    "the_erp_changes_what_is_on_its_way": (8, has("pushes")),
    "a_sync_hints_everything": (1, always),
    "dispatch": (6, has("lanes")),
    "a_fetch_runs": (6, has("claims")),
    "a_push_message_is_delivered": (10, has("messages")),
    "a_push_begins_to_write": (6, lambda queue: any(not one.has_begun for one in queue.pushes)),
    "a_write_reaches_the_shop": (4, has_push("has_begun")),
    "a_push_settles": (4, has_push("has_written")),
    "a_push_fails": (2, has("pushes")),
    "a_worker_dies": (4, has("pushes")),
    "a_dead_senders_write_arrives": (4, has("in_flight")),
    "two_leases_pass": (2, always),
    "a_whole_chain_runs": (6, has("lanes")),
    "a_sender_freezes": (5, has("lanes")),
    "a_frozen_sender_wakes_and_settles": (6, has_push("has_begun")),
    "a_frozen_sender_wakes_and_fails": (5, has_push("has_begun")),
    "leases_end": (4, in_state("PROCESSING")),
    "the_chain_could_not_be_sent": (1, has("claims")),
    "a_toggle_is_switched_off": (1, lambda queue: not queue.is_off),
    "a_toggle_is_switched_on": (3, has("is_off")),
    "the_mapping_is_added": (2, in_state(MAPPING)),
    "failed_rows_are_replayed": (2, in_state("FAILED")),
    "an_article_is_held_by_hand": (1, lambda queue: not queue.kept),
    "what_is_on_its_way_is_held_by_hand": (4, lambda queue: bool(queue.pushes) and not queue.kept),
    "an_article_is_released": (2, has("kept")),
}
#: What a step may be about. `n` counts from the youngest: what is old is mostly over.
ARGUMENTS: Mapping[str, Any] = {
    "worker": (0, 1),
    "topic": CHANGING,
    "article": ARTICLES,
    "is_backfill": (False, False, True),
    "n": (0, 0, 1, 2),
    "limit": (1, 2),
    "is_swept": (False, True, True),
    "error": sorted(ERRORS),
}


class WorkQueue(RuleBasedStateMachine):
    """`owner` is who may write, as the model sees it."""

    database: Database
    engines: tuple[Any, Any]
    sync_run: int

    def __init__(self) -> None:
        super().__init__()
        self.erp: dict[Key, int] = {(topic, one): 0 for topic in TOPICS for one in ARTICLES}
        self.shop: dict[Key, int] = {}
        self.claims: list[str] = []
        self.messages: list[Message] = []
        self.pushes: list[Push] = []
        #: Requests whose sender is dead; the shop may still apply them.
        self.in_flight: list[Push] = []
        self.owner: dict[int, str] = {}
        #: Lanes that may move, states and hold reasons of all rows: so that steps are not wasted.
        self.lanes: list[tuple[Topic, Priority]] = []
        self.states: set[str | None] = set()
        self.is_off: set[Topic] = set()
        #: What a person keeps back.
        self.kept: set[Key] = set()
        with self.scope(0) as session:
            for model in (WorkItem, Listing, TransferToggle, ArticleHold):
                session.execute(delete(model))

    def scope(self, worker: int) -> Any:
        return session_scope(self.engines[worker])

    @initialize(is_full=st.booleans())
    def an_empty_shop_or_a_full_one(self, is_full: bool) -> None:
        if is_full:
            for topic in CHANGING:
                self.a_sync_hints_everything(worker=0, topic=topic)
            self._work_off()

    @rule(seed=st.integers(0, 2**32 - 1))
    def something_happens(self, seed: int) -> None:
        """One of the steps that are possible now, the interesting ones more often.

        Left to choose rules by itself, Hypothesis switches toggles most of the time, and finds
        nothing in as few runs as a test may take.
        """
        dice = random.Random(seed)
        possible = [(name, weight) for name, (weight, when) in STEPS.items() if when(self)]
        names, weights = zip(*possible, strict=True)
        step = getattr(self, dice.choices(names, weights)[0])
        values = {name: dice.choice(ARGUMENTS[name]) for name in signature(step).parameters}
        note(f"{step.__name__}({', '.join(f'{k}={v}' for k, v in values.items())})")
        step(**values)

    # The ERP

    def the_erp_changes(self, worker: int, topic: Topic, article: str, is_backfill: bool) -> None:
        """To and fro between two values: what was there before comes back."""
        self.erp[topic, article] = 1 - self.erp[topic, article]
        with self.scope(worker) as session:
            work_items.hint(
                session,
                self.database.channel,
                topic,
                [article],
                priority=Priority.BACKFILL if is_backfill else Priority.LIVE,
                sync_run_id=self.sync_run if is_backfill else None,
            )

    def the_erp_changes_what_is_on_its_way(self, worker: int, n: int) -> None:
        push = nth(self.pushes, n)
        article = min(push.rows)
        self.the_erp_changes(worker, push.held.topic, article, is_backfill=False)

    def a_sync_hints_everything(self, worker: int, topic: Topic) -> None:
        with self.scope(worker) as session:
            work_items.hint(
                session,
                self.database.channel,
                topic,
                ARTICLES,
                priority=Priority.BACKFILL,
                sync_run_id=self.sync_run,
            )

    # The dispatcher and the sweep

    def dispatch(self, worker: int, n: int, limit: int) -> None:
        claim_id = self._claim(worker, *nth(self.lanes, n), limit)
        if claim_id is not None:
            self.claims.append(claim_id)

    def _claim(self, worker: int, topic: Topic, priority: Priority, limit: int) -> str | None:
        """Whatever is queued, also what is due later: nobody here has hours to wait."""
        self.database.retries_are_due()
        with self.scope(worker) as session:
            if not toggles.states(session, self.database.channel)[topic]:
                return None
            return claim_due(
                session,
                self.database.channel,
                topic,
                priority=priority,
                limit=limit,
                lease_s=LEASE_S,
            )

    def the_chain_could_not_be_sent(self, n: int) -> None:
        with self.scope(0) as session:
            work_items.release_unsent(session, nth(self.claims, n))
        self._find_owners()

    def leases_end(self, worker: int, is_swept: bool) -> None:
        self.database.end_leases()
        if is_swept:
            self._sweep(worker)

    def _sweep(self, worker: int) -> None:
        with self.scope(worker) as session:
            work_outcomes.recover_expired(session)
        self._find_owners()

    def _find_owners(self) -> None:
        """Forget owners whose rows were taken back."""
        with self.scope(0) as session:
            kept = session.scalars(select(WorkItem.id).where(WorkItem.holder.is_not(None))).all()
        self.owner = {one: holder for one, holder in self.owner.items() if one in kept}

    # People

    def a_toggle_is_switched_off(self, topic: Topic) -> None:
        self._switch(topic, False)

    def a_toggle_is_switched_on(self, n: int) -> None:
        self._switch(nth(sorted(self.is_off), n), True)

    def _switch(self, topic: Topic, is_on: bool) -> None:
        self.is_off = self.is_off - {topic} if is_on else self.is_off | {topic}
        with self.scope(0) as session:
            toggles.switch(session, self.database.channel, topic, is_on)

    def the_mapping_is_added(self, worker: int) -> None:
        with self.scope(worker) as session:
            work_outcomes.release_holds(session, self.database.channel, MAPPING)

    def failed_rows_are_replayed(self, worker: int) -> None:
        with self.scope(worker) as session:
            work_outcomes.replay(session, self.database.channel)

    def an_article_is_held_by_hand(self, worker: int, topic: Topic, article: str) -> None:
        self.kept.add((topic, article))
        with self.scope(worker) as session:
            article_holds.add(
                session, self.database.channel, article, [topic], reason="recall", by="anna"
            )

    def what_is_on_its_way_is_held_by_hand(self, worker: int, n: int) -> None:
        push = nth(self.pushes, n)
        self.an_article_is_held_by_hand(worker, push.held.topic, min(push.rows))

    def an_article_is_released(self, worker: int, n: int) -> None:
        topic, article = nth(sorted(self.kept), n)
        self.kept.remove((topic, article))
        with self.scope(worker) as session:
            article_holds.release(
                session, self.database.channel, article_id=article, topics=[topic]
            )

    # The chain

    def a_fetch_runs(self, worker: int, n: int) -> None:
        claim_id = nth(self.claims, n)
        message = self._fetch(worker, claim_id)
        if message is not None:
            self.messages.append(message)

    def _fetch(self, worker: int, claim_id: str) -> Message | None:
        try:
            with self.scope(worker) as session:
                held = work_items.take_over(session, claim_id, lease_s=LEASE_S)
                is_on = toggles.states(session, self.database.channel)[held.topic]
                in_shop = set(session.scalars(select(Listing.article_id)).all())
        except ClaimLost:
            return None
        self._own(held)
        items = held.items
        with self.scope(worker) as session:
            if not is_on:
                work_items.release(session, held, [item.id for item in items])
            else:
                kept = article_holds.keep_back(session, held)
                items = tuple(item for item in items if item.entity_id not in kept)
            if is_on and held.topic in CARRIED:
                waiting = [item.id for item in items if item.entity_id not in in_shop]
                work_outcomes.wait_for_articles(session, held, waiting)
        self._find_owners()
        if not is_on:
            return None
        rows = {
            item.entity_id: self._read(held.topic, item.entity_id, item.entity_id in in_shop)
            for item in items
            if held.topic is Topic.ARTICLE or item.entity_id in in_shop
        }
        assert not {(held.topic, one) for one in rows} & self.kept, "sent although it is held"
        return Message(claim_id, rows) if rows else None

    def _read(self, topic: Topic, entity_id: str, is_in_shop: bool) -> Row:
        is_first = topic is Topic.ARTICLE and not is_in_shop
        first = {one: self.erp[one, entity_id] for one in CARRIED} if is_first else {}
        return Row(self.erp[topic, entity_id], first)

    def _own(self, held: Claim) -> None:
        self.owner |= {item.id: held.holder for item in held.items}

    def a_push_message_is_delivered(self, worker: int, n: int) -> None:
        push = self._start_push(worker, nth(self.messages, n))
        if push is not None:
            self.pushes.append(push)

    def _start_push(self, worker: int, message: Message) -> Push | None:
        """Take the claim over and skip what the shop holds already."""
        try:
            with self.scope(worker) as session:
                held = work_items.take_over(session, message.claim_id, lease_s=LEASE_S)
        except ClaimLost:
            return None
        self._own(held)
        by_entity = held.item_by_entity
        same = [
            entity_id
            for entity_id, row in message.rows.items()
            if entity_id in by_entity
            and not row.first
            and by_entity[entity_id].pushed_hash == content(row.value)
        ]
        with self.scope(worker) as session:
            settled = [Settled(by_entity[one].id, skip_reason="unchanged") for one in same]
            work_items.settle(session, held, settled)
            self._release_waiting(session, held, same)
        self._find_owners()
        changed = {
            one: row for one, row in message.rows.items() if one in by_entity and one not in same
        }
        return Push(worker, held, changed) if changed else None

    def _release_waiting(self, session: Any, held: Claim, article_ids: list[str]) -> None:
        if held.topic is Topic.ARTICLE:
            reason = work_outcomes.NOT_IN_SHOP
            work_outcomes.release_holds(session, held.channel_id, reason, article_ids)

    def a_push_begins_to_write(self, n: int) -> None:
        waiting = [one for one in self.pushes if not one.has_begun]
        self._begin(nth(waiting, n))

    def _begin(self, push: Push) -> None:
        owns_all = all(self.owner.get(one) == push.held.holder for one in push.ids())
        try:
            with self.scope(push.worker) as session:
                work_items.begin_write(session, push.held, push.ids(), lease_s=LEASE_S)
        except ClaimLost:
            assert not owns_all, "the holder was refused"
            self.pushes.remove(push)
        else:
            assert owns_all, "somebody who lost the claim may write"
            push.has_begun = True

    def a_write_reaches_the_shop(self, n: int) -> None:
        """At once, or after the claim was lost: a frozen sender. It may also be repeated."""
        begun = [one for one in self.pushes if one.has_begun]
        self._write(nth(begun, n))

    def _write(self, push: Push) -> None:
        if push.is_over:
            return  # not sent: see connectors.http
        for item in push.held.items:
            if item.entity_id not in push.rows:
                continue
            for key, value in push.keys(item.entity_id):
                self.shop[key] = value
        push.has_written = True

    def a_push_settles(self, n: int) -> None:
        written = [one for one in self.pushes if one.has_written]
        self._settle(nth(written, n))

    def _settle(self, push: Push) -> None:
        """What pushing.py does with rows that the shop accepted."""
        if not push.has_written:
            self._fail(push, ClaimLost("it stood still for too long"))
            return
        items = push.held.item_by_entity
        with self.scope(push.worker) as session:
            settled = [Settled(items[one].id, content(row.value)) for one, row in push.rows.items()]
            result = work_items.settle(session, push.held, settled)
            late = [one for one in push.rows if items[one].id in result.refused]
            if push.held.topic is Topic.ARTICLE:
                self._remember_products(session, push, late)
            work_items.rehint(session, result.refused)
            self._release_waiting(session, push.held, list(push.rows))
        self._end(push)

    def _remember_products(self, session: Any, push: Push, late: list[str]) -> None:
        channel = push.held.channel_id
        new = shop_products.remember(
            session,
            channel,
            [
                {
                    "article_id": one,
                    "external_id": f"p{one}",
                    "number": one,
                    "is_active": True,
                    "was_adopted": False,
                }
                for one in push.rows
            ],
        ).new
        for topic in CARRIED:
            firsts = {one: row.first[topic] for one, row in push.rows.items() if row.first}
            sure = {one: content(firsts[one]) for one in firsts if one in new and one not in late}
            first_writes.remember_pushed(session, channel, topic, sure)
            doubtful = [one for one in firsts if one not in sure]
            work_items.hint(session, channel, topic, doubtful, forgets_hash=True)

    def a_push_fails(self, n: int, error: str) -> None:
        """Before its write or after it: an answer may be cut, a later part of it refused."""
        push = nth(self.pushes, n)
        self._fail(push, ERRORS[error]())

    def _fail(self, push: Push, error: Exception) -> None:
        is_lost = isinstance(error, ClaimLost)
        with self.scope(push.worker) as session:
            work_outcomes.record_errors(
                session,
                push.held,
                {} if is_lost else {item.id: error for item in push.held.items},
                written=push.ids() if push.has_begun else (),
            )
        self._end(push)

    def a_worker_dies(self, n: int) -> None:
        """Its request may be on its way."""
        push = nth(self.pushes, n)
        self.pushes.remove(push)
        if push.has_begun:
            self.in_flight.append(push)

    def a_dead_senders_write_arrives(self, n: int) -> None:
        push = nth(self.in_flight, n)
        self.in_flight.remove(push)
        self._write(push)

    def two_leases_pass(self, worker: int) -> None:
        """Nothing that has begun to write by now can reach the shop any more."""
        for push in self.pushes:
            push.is_over = push.has_begun
        self.in_flight.clear()
        self.database.change(WorkItem.doubt_until.is_not(None), doubt_until=db_now(-1))
        self.database.end_leases()
        self._sweep(worker)

    def _end(self, push: Push) -> None:
        self.pushes.remove(push)
        self._find_owners()

    def a_whole_chain_runs(self, worker: int, n: int) -> None:
        self._run_chain(worker, *nth(self.lanes, n))

    def _work_off(self) -> None:
        """Run chains until nothing is queued any more; each of them is checked."""
        self.what_is_done_is_right()
        while self.lanes:
            self._run_chain(0, *self.lanes[0])
            self.what_is_done_is_right()

    def _run_chain(
        self, worker: int, topic: Topic, priority: Priority, *, is_frozen: bool = False
    ) -> bool:
        claim_id = self._claim(worker, topic, priority, 2)
        if claim_id is None:
            return False
        message = self._fetch(worker, claim_id)
        if is_frozen and message is not None:
            self.messages.append(message)  # what a frozen worker has not confirmed is redelivered
        push = self._start_push(worker, message) if message else None
        if push is not None:
            self.pushes.append(push)
            self._begin(push)
            if not is_frozen:
                self._write(push)
                self._settle(push)
        return True

    def a_sender_freezes(self, worker: int, n: int, is_swept: bool) -> None:
        """Right before its request leaves; what it sends comes when others have gone on."""
        self._run_chain(worker, *nth(self.lanes, n), is_frozen=True)
        if is_swept:
            self.database.end_leases()
            self._sweep(1 - worker)

    def a_frozen_sender_wakes_and_settles(self, n: int) -> None:
        push = nth([one for one in self.pushes if one.has_begun], n)
        self._write(push)
        self._settle(push)

    def a_frozen_sender_wakes_and_fails(self, n: int, error: str) -> None:
        push = nth([one for one in self.pushes if one.has_begun], n)
        self._write(push)
        self._fail(push, ERRORS[error]())

    # What must hold

    @invariant()
    def what_is_done_is_right(self) -> None:
        with self.scope(0) as session:
            rows = session.execute(select(WorkItem.__table__, db_now().label("now"))).all()
        self._see(rows)
        #: A late first write of these may have undone newer prices and stocks; they go again when
        #: the article is sure.
        doubted = {
            (topic, row.entity_id)
            for row in rows
            if row.topic == Topic.ARTICLE and row.doubt_until is not None
            for topic in CARRIED
        }
        for row in rows:
            key = (Topic(row.topic), row.entity_id)
            self._check_shape(row)
            if row.hold_reason == BY_HAND:
                assert key in self.kept, f"{key} is held and nobody holds it"
            if key in doubted:
                continue
            if row.state == "COMPLETED":
                assert self.shop.get(key) == self.erp[key], f"{key} is done, but not right"
            if row.pushed_hash is not None:
                held = self.shop.get(key)
                assert held is not None, f"{key} has a hash, but is not in the shop"
                assert row.pushed_hash == content(held), f"the hash of {key} is wrong"

    def _see(self, rows: Sequence[Any]) -> None:
        queued = {
            (row.topic, row.priority)
            for row in rows
            if row.state == "QUEUED" and row.hold_reason is None and row.topic not in self.is_off
            # Not those that are written once more when their doubt is over.
            if row.first_unsent_at is not None or row.doubt_until <= row.now
        }
        self.lanes = [(Topic(topic), Priority(priority)) for topic, priority in sorted(queued)]
        self.states = {row.state for row in rows} | {row.hold_reason for row in rows}

    def _check_shape(self, row: Any) -> None:
        is_processing = row.state == "PROCESSING"
        assert row.state in ("QUEUED", "PROCESSING", "COMPLETED", "FAILED")
        assert is_processing == (row.claim_id is not None)
        assert is_processing == (row.lease_until is not None)
        assert is_processing == (row.claimed_generation is not None)
        assert row.holder is None or is_processing
        assert row.hold_reason is None or row.state == "QUEUED"
        if row.state == "COMPLETED":
            assert row.first_unsent_at is None
        elif row.doubt_until is None:
            assert row.first_unsent_at is not None

    def teardown(self) -> None:
        """Everything that hangs ends, people do their part, and the queue is worked off."""
        for push in (*self.pushes, *self.in_flight):
            if push.has_begun:
                self._write(push)
        self.pushes = []
        self.two_leases_pass(worker=0)
        with self.scope(0) as session:
            work_outcomes.replay(session, self.database.channel)
            work_outcomes.release_holds(session, self.database.channel, MAPPING)
        for topic in self.is_off:
            self._switch(topic, True)
        while self.kept:
            self.an_article_is_released(worker=0, n=0)
        self._find_owners()
        self._work_off()

        with self.scope(0) as session:
            open_rows = session.scalars(
                select(WorkItem.entity_id).where(WorkItem.state != "COMPLETED")
            ).all()
        assert open_rows == []
        self.what_is_done_is_right()


@contextmanager
def machine(url: str) -> Iterator[type[WorkQueue]]:
    """The machine on a database, with a connection for each of two workers."""
    database = open_database(url)
    engines = (database.engine, build_engine(url))
    with database.scope() as session:
        run = SyncRun(channel_id=database.channel, kind="initial", topics="article,stock")
        session.add(run)
        session.flush()
        bound = type(
            "Machine",
            (WorkQueue,),
            {"database": database, "engines": engines, "sync_run": run.id},
        )
    try:
        yield bound
    finally:
        for engine in engines:
            engine.dispose()


#: `make test` has ten minutes for everything; a hunt for a rare interleaving says THOROUGH=50.
THOROUGH = int(os.environ.get("THOROUGH", "1"))


def prove(url: str, max_examples: int) -> None:
    with machine(url) as bound:
        run_state_machine_as_test(
            bound,
            settings=settings(
                max_examples=max_examples,
                stateful_step_count=40,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


@pytest.mark.pitfall(16)
@pytest.mark.timeout(600)  # to find the shortest way to a failure takes minutes
def test_no_order_of_events_leaves_the_shop_behind_on_sqlite(sqlite_url):
    prove(sqlite_url, max_examples=20 * THOROUGH)


@pytest.mark.pitfall(16)
@pytest.mark.timeout(600)  # to find the shortest way to a failure takes minutes
def test_no_order_of_events_leaves_the_shop_behind_on_postgres(postgres_url):
    prove(postgres_url, max_examples=8 * THOROUGH)


# What a search has found once, step by step


@pytest.fixture
def queue(database_url):
    with machine(database_url) as bound:
        queue = bound()
        yield queue
        queue.teardown()


def change(queue: WorkQueue, topic: Topic) -> None:
    queue.the_erp_changes(0, topic, "1", is_backfill=False)
    queue.what_is_done_is_right()


def freeze(queue: WorkQueue, *, is_swept: bool) -> Push:
    queue.a_sender_freezes(0, 0, is_swept)
    queue.what_is_done_is_right()
    return queue.pushes[-1]


def work_off(queue: WorkQueue) -> None:
    queue._work_off()
    queue.what_is_done_is_right()


def test_a_released_article_sends_what_changed_while_it_was_held(queue):
    change(queue, Topic.ARTICLE)
    work_off(queue)
    queue.an_article_is_held_by_hand(0, Topic.ARTICLE, "1")
    change(queue, Topic.ARTICLE)
    work_off(queue)
    assert queue.shop[Topic.ARTICLE, "1"] != queue.erp[Topic.ARTICLE, "1"]

    queue.an_article_is_released(0, 0)
    work_off(queue)

    assert queue.shop[Topic.ARTICLE, "1"] == queue.erp[Topic.ARTICLE, "1"]


@pytest.mark.parametrize("error", ["", *sorted(ERRORS)])
def test_a_late_write_is_followed_by_another_one_however_it_ends(queue, error):
    change(queue, Topic.ARTICLE)
    frozen = freeze(queue, is_swept=True)
    change(queue, Topic.ARTICLE)
    work_off(queue)

    queue._write(frozen)
    if error:
        queue._fail(frozen, ERRORS[error]())
    else:
        queue._settle(frozen)

    queue.what_is_done_is_right()
    work_off(queue)
    assert queue.shop[Topic.ARTICLE, "1"] == queue.erp[Topic.ARTICLE, "1"]


def test_a_first_write_that_another_one_overtook_does_not_vouch_for_the_stock(queue):
    # Two first writes of one product: the late one makes it known, its new stock is pushed, and
    # then the other one, whose claim is good, puts the old stock back.
    change(queue, Topic.ARTICLE)
    late = freeze(queue, is_swept=True)
    holder = freeze(queue, is_swept=False)
    queue._write(late)
    queue._settle(late)
    change(queue, Topic.STOCK)
    queue._run_chain(1, Topic.STOCK, Priority.LIVE)
    queue.what_is_done_is_right()

    queue._write(holder)
    queue._settle(holder)

    queue.what_is_done_is_right()
    work_off(queue)
    assert queue.shop[Topic.STOCK, "1"] == queue.erp[Topic.STOCK, "1"]
