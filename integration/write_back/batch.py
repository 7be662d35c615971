"""One claimed batch of product ids on its way into the ERP: read, compare, write what differs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from integration import stages, telling, wire, work_items, work_outcomes
from integration.connectors import http
from integration.erp.client import ErpClient
from integration.errors import Busy, Forbidden, Gone, PermanentError, Rejected, TransientError
from integration.runtime import Runtime
from integration.stages import Work
from integration.work_items import UNCHANGED, ClaimedItem, Settled
from integration.write_back import merging, reading
from integration.write_back.facts import FIELD_FACT

#: Part of the soft limit after which a batch keeps what it has, so that tenants take turns.
TURN_SHARE = 0.25
#: After an ERP that stumbled over one row the others are left alone for so long.
STUMBLE_S = 5.0

#: Why nothing was written.
NO_PRODUCT = "not in the shop any more"
NO_LISTING = "no listing on this channel any more"


def write(runtime: Runtime, claim_id: str) -> None:
    """Write the product ids of a batch into the ERP and settle each of its work items.

    Failure policy: at least once, absolute values. What the ERP's request budget does not allow
    within the turn is given back and costs no attempt.
    Raises: as `stages.claimed` says.
    """
    with stages.claimed(runtime, claim_id, asks_erp=True) as work:
        items = list(work.claim.items)
        if not work.may_travel:
            _give_back(runtime, work, items)
            return
        _settle(runtime, work, [one for one in items if _wanted(work, one) is None], NO_PRODUCT)
        batch = _Batch(runtime, work)
        try:
            batch.write([one for one in items if _wanted(work, one) is not None])
        except Busy as error:
            # A batch begins with a read: where not even one write followed, it waits for two
            # tokens. With one it would only read again.
            tokens = 1 if batch.has_written else 2
            _give_back(runtime, work, batch.left, tokens * error.retry_after_s)


def _wanted(work: Work, item: ClaimedItem) -> str | None:
    return work.listing(item.entity_id).external_id


def _give_back(
    runtime: Runtime, work: Work, items: Sequence[ClaimedItem], delay_s: float = 0.0
) -> None:
    with runtime.scope() as session:
        work_items.release(session, work.claim, [one.id for one in items], delay_s=delay_s)


def _settle(runtime: Runtime, work: Work, items: Sequence[ClaimedItem], reason: str) -> None:
    _record(runtime, work, [Settled(one.id, skip_reason=reason) for one in items])


def _record(runtime: Runtime, work: Work, settled: Sequence[Settled]) -> None:
    if not settled:
        return
    with runtime.scope() as session:
        result = work_items.settle(session, work.claim, settled)
        work_items.rehint(session, result.refused)
        if result.refused:
            telling.lost(session, work.claim, "late", len(result.refused))


class _Batch:
    """`left`: items that nothing was done about yet."""

    def __init__(self, runtime: Runtime, work: Work) -> None:
        self._runtime, self._work = runtime, work
        self.left: list[ClaimedItem] = []
        self.has_written = False
        self._facts = runtime.erp_facts(work.channel.tenant_id)

    @cached_property
    def _client(self) -> ErpClient:
        settings = self._runtime.settings
        return self._runtime.erp(
            self._work.channel.tenant_id,
            share=self._work.share,
            gives_up_after_s=settings.stage_soft_s * TURN_SHARE,
        )

    def write(self, items: Sequence[ClaimedItem]) -> None:
        """Raises: Busy when the budget is used up; Held, TenantError for all that is left."""
        self.left = list(items)
        if not items:
            return
        reading.require_field(self._client, self._facts)
        channel = self._work.channel.erp_id
        ids = [one.entity_id for one in items]
        listings = reading.present(self._client, self._facts, channel, ids)
        if listings is not None:
            self._settle_known(listings)
        if not self.left:
            return
        sends_all = merging.must_send_all(self._client, self._facts, channel)
        for item in tuple(self.left):
            if stages.STOPPING.is_set():
                raise Busy("the service is stopping")
            found = None if listings is None else listings[item.entity_id]
            self._write_one(item, found, sends_all)

    def _settle_known(self, listings: dict[str, reading.Found]) -> None:
        """Those that need no write: no listing, or the field holds the id already."""
        gone = [one for one in self.left if one.entity_id not in listings]
        same = [
            one
            for one in self.left
            if one not in gone and self._is_there(one, listings[one.entity_id])
        ]
        _settle(self._runtime, self._work, gone, NO_LISTING)
        _settle(self._runtime, self._work, same, UNCHANGED)
        self._drop({*gone, *same})

    def _is_there(self, item: ClaimedItem, found: reading.Found) -> bool:
        wanted = _wanted(self._work, item)
        if found.is_read:
            return found.external_id == wanted
        # Not shown by this ERP: what we wrote last counts.
        return item.pushed_hash == wire.content_hash(wanted)

    def _drop(self, items: Collection[ClaimedItem]) -> None:
        self.left = [one for one in self.left if one not in items]

    def _write_one(self, item: ClaimedItem, found: reading.Found | None, sends_all: bool) -> None:
        """Raises: Busy when nothing was written; Held, TenantError for all that is left."""
        wanted = str(_wanted(self._work, item))
        try:
            if found is None:
                found = reading.of_article(self._client, self._work.channel.erp_id, item.entity_id)
            if found is None:
                settled = Settled(item.id, skip_reason=NO_LISTING)
            elif self._is_there(item, found):
                settled = Settled(item.id, skip_reason=UNCHANGED)
            else:
                self._put(item, found, wanted, sends_all)
                self.has_written = True
                settled = Settled(item.id, wire.content_hash(wanted))
        except Gone:
            settled = Settled(item.id, skip_reason=NO_LISTING)
        except Busy as error:
            if item.id not in self._work.written:
                raise  # our own budget
            self._fail(item, error)  # a lock in the ERP
            return
        except (PermanentError, TransientError) as error:
            self._fail(item, error)
            return
        _record(self._runtime, self._work, [settled])
        self._done(item)

    def _put(self, item: ClaimedItem, found: reading.Found, wanted: str, sends_all: bool) -> None:
        def before_write() -> float:
            lease_s = self._runtime.settings.lease_s
            not_after = http.clock() + lease_s
            with self._runtime.scope() as session:
                work_items.begin_write(session, self._work.claim, [item.id], lease_s=lease_s)
            self._work.written.add(item.id)
            self._work.claim.notes.hashes[item.entity_id] = wire.content_hash(wanted)
            self._work.claim.notes.has_written = True
            return not_after

        try:
            merging.put(self._client, found, wanted, sends_all=sends_all, before_write=before_write)
        except Forbidden as error:
            raise reading.no_field(self._client, str(error)) from error
        except Rejected:
            # Of this listing, or of all, because the field was taken away.
            self._facts.put(FIELD_FACT, None)
            reading.require_field(self._client, self._facts)
            raise

    def _fail(self, item: ClaimedItem, error: Exception) -> None:
        """Move one row on. An ERP that stumbles is let alone by the others, too."""
        with self._runtime.scope() as session:
            work_outcomes.record_errors(
                session, self._work.claim, {item.id: error}, written={item.id}
            )
        self._done(item)
        if isinstance(error, TransientError) and not isinstance(error, Busy):
            raise Busy(str(error), max(STUMBLE_S, getattr(error, "retry_after_s", 0.0)))

    def _done(self, item: ClaimedItem) -> None:
        self._work.written.discard(item.id)
        self._drop({item})
