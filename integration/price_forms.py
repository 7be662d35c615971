"""In which form the prices of a channel were sent, where its shop decides that: with tax or
without.

What the shop is like grows old with the day's facts; in which form it has our prices does not. When
the form changes, each price in the shop is another amount than ours until it was sent again, and no
event says so: the channel's prices are asked for.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from integration import channels, db, facts, observe, sql, sync_runs
from integration.clock import db_now
from integration.db import SessionScope
from integration.models import ChannelFact, SyncRun

log = logging.getLogger(__name__)

#: ``{"form": "gross", "run": 17}``; the run is the one that sends all prices again.
FACT = "price-form"


class ChannelPriceForms:
    """The form of one channel's prices, for its connector."""

    def __init__(self, scope: SessionScope, channel_id: int) -> None:
        self._scope, self._channel_id = scope, channel_id

    def send_as(self, form: str) -> None:
        """Prices go in this form from now on; after another one all of them are sent again."""
        with self._scope() as session:
            noted = _noted(session, self._channel_id)
            if noted is None:
                _begin(session, self._channel_id, form)
            elif noted["form"] != form:
                _change(session, self._channel_id, form)

    def is_behind(self, form: str) -> bool:
        """Whether the shop may have prices in another form than this one."""
        with self._scope() as session:
            noted = _noted(session, self._channel_id)
            if noted is None:
                return False
            return noted["form"] != form or _is_under_way(session, noted["run"])


def _noted(session: Session, channel_id: int) -> Any:
    return facts.stored(session, ChannelFact.channel_id, channel_id, FACT)


def _begin(session: Session, channel_id: int, form: str) -> None:
    """Note the first form; of several who do, one."""
    session.execute(
        sql.insert(session, ChannelFact)
        .values(
            channel_id=channel_id,
            name=FACT,
            value={"form": form, "run": None},
            learnt_at=db_now(),
        )
        .on_conflict_do_nothing()
    )


def _change(session: Session, channel_id: int, form: str) -> None:
    """Begin the run that sends all prices in the new form; of several who notice, one does."""
    row = session.get_one(ChannelFact, (channel_id, FACT), with_for_update=True)
    before = row.value["form"]
    if before == form:
        return
    reason = f"the shop keeps prices as {form} and not as {before} any more"
    run = sync_runs.start(
        session, channel_id, sync_runs.PRICE_PASS, ["price"], is_forced=True, reason=reason
    )
    row.value = {"form": form, "run": run}
    tenant, channel = channels.names(session, channel_id)
    line = observe.event(
        "channel.price_form", tenant=tenant, channel=channel, run=run, before=before, now=form
    )
    db.after_commit(session, partial(log.warning, line))


def _is_under_way(session: Session, run_id: int | None) -> bool:
    """Whether prices of the run are yet to be sent, those that are held or failed too."""
    run = None if run_id is None else session.get(SyncRun, run_id)
    if run is None:
        return False
    counts = sync_runs.counts(session, run.id)
    return run.state in sync_runs.OPEN_STATES or counts.open + counts.held + counts.failed > 0
