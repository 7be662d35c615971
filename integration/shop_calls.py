"""One batch sent to a shop, and what its answer says about the shop's health.

What is wrong with a row is the row's; what is wrong with the shop stops the channel's lanes for a
while and costs no attempt of the rows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from sqlalchemy.orm import Session

from integration import db, observe, pacing, retry, shop_health, stages, sync_pace
from integration.connectors.base import Connector, Payload, Receipt
from integration.errors import Busy, SourceTrouble, Throttled, TransientError
from integration.runtime import Runtime
from integration.stages import Work

log = logging.getLogger("integration.shop")

#: "Retry-After: 0" would otherwise be a tight loop.
SHORTEST_REST_S = 1.0


@dataclass(frozen=True)
class Answer:
    """The shop's receipts of one batch. `took_s`: within which time it answered well, which is yet
    to be recorded; None: it failed, which is recorded."""

    receipts: list[Receipt]
    took_s: float | None


class Call:
    """One batch at a shop, noted with the first thing that is asked of the shop: others see by it
    whether the shop hangs."""

    def __init__(self, runtime: Runtime, work: Work) -> None:
        self._runtime, self._work, self._is_noted = runtime, work, False

    def note(self, session: Session) -> None:
        """In the transaction of a write's check, last: who claims for the channel waits for it."""
        if not self._is_noted:
            shop_health.note_call(session, self._work.channel.id)
            self._is_noted = True

    def before_request(self) -> None:
        """For a connector that asks the shop something before it writes."""
        if not self._is_noted:
            with self._runtime.scope() as session:
                self.note(session)


def send(runtime: Runtime, work: Work, connector: Connector, payloads: Sequence[Payload]) -> Answer:
    """The shop's answer to one batch; trouble with the shop is recorded.

    Raises: what the connector raises; Throttled instead of a TransientError while the breaker is
    open, so that the rows of a probe lose no attempt.
    """
    began = time.monotonic()
    try:
        receipts = connector.push(work.claim.topic, payloads, key=work.claim.id)
    except Throttled as error:
        _end_call(runtime, work)
        pause(runtime, work, [error])
        raise
    except SourceTrouble:
        _end_call(runtime, work)
        raise
    except TransientError as error:
        rest_s = _record_failure(runtime, work, error, time.monotonic() - began)
        if rest_s is None:
            raise
        raise Throttled(error.message, rest_s, error.outcome_unknown) from error
    except tuple(stages.INTERRUPTIONS):
        too_late = TransientError("the shop took longer than a stage may")
        _record_failure(runtime, work, too_late, time.monotonic() - began)
        raise
    except Exception:
        _end_call(runtime, work)
        raise
    return _record_answer(runtime, work, receipts, time.monotonic() - began)


def _end_call(runtime: Runtime, work: Work) -> None:
    with runtime.scope() as session:
        shop_health.end_call(session, work.channel.id)


def pause(runtime: Runtime, work: Work, errors: Iterable[Exception]) -> None:
    """Let the shop alone for as long as the longest of these errors asks."""
    asking = [error for error in errors if _asks_for_rest(error)]
    if not asking:
        return
    longest = max(asking, key=lambda error: error.retry_after_s)
    with runtime.scope() as session:
        pacing.pause_shop(session, work.channel.id, max(SHORTEST_REST_S, retry.rest_s(longest)))
        shop_health.note_pause(session, work.channel.id, longest.message)


def _asks_for_rest(error: object) -> TypeGuard[Throttled]:
    """The shop wants to be let alone; a lock inside it (Busy) concerns only this batch."""
    return isinstance(error, Throttled) and not isinstance(error, Busy)


def _record_answer(runtime: Runtime, work: Work, receipts: list[Receipt], took_s: float) -> Answer:
    """A shop may fail after it took some rows; then its last call failed all the same."""
    errors = [receipt.error for receipt in receipts if receipt.error is not None]
    pause(runtime, work, errors)
    failure = next((one for one in errors if _is_failure(one)), None)
    if failure is not None:
        rest_s = _record_failure(runtime, work, failure, took_s)
        if rest_s is not None:
            receipts = [_without_attempt(one, rest_s) for one in receipts]
        return Answer(receipts, None)
    if work.claim.run_id is not None:
        with runtime.scope() as session:
            sync_pace.note_shop(session, work.claim.run_id, len(receipts), took_s)
    return Answer(receipts, took_s)


def record_success(session: Session, work: Work, answer: Answer) -> None:
    """Record what the answer says of the shop's health, behind what it says of the rows.

    Last in its transaction: who claims for the channel waits for the shop's row.
    """
    if answer.took_s is None:
        return
    if shop_health.record_success(session, work.channel.id, answer.took_s):
        db.after_commit(session, lambda: log.warning(_event("shop.recovered", work)))


def _without_attempt(receipt: Receipt, rest_s: float) -> Receipt:
    error = receipt.error
    if not _is_failure(error):
        return receipt
    return replace(receipt, error=Throttled(error.message, rest_s, error.outcome_unknown))


def _is_failure(error: Exception | None) -> TypeGuard[TransientError]:
    return isinstance(error, TransientError) and not isinstance(error, (Throttled, SourceTrouble))


def _record_failure(runtime: Runtime, work: Work, error: Exception, took_s: float) -> float | None:
    """Seconds until the shop is tried again; None while its breaker is closed."""
    with runtime.scope() as session:
        breaker, rest_s = shop_health.record_failure(session, work.channel.id, str(error), took_s)
    if not breaker.is_open:
        return None
    log.warning(
        _event("shop.rests", work, failures=breaker.failures, rest_s=round(rest_s), reason=error)
    )
    return rest_s


def _event(name: str, work: Work, **fields: object) -> str:
    return observe.event(name, channel=work.channel.label, **fields)
