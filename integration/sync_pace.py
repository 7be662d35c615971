"""How near a sync run comes to what limits it, and what it waits for.

Two things limit a run: our own request budget at the ERP, and the shop, as fast as it took a row at
its best with one writer. What is missing to the narrower of the two is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from integration import sql
from integration.clock import db_now
from integration.erp.client import ErpClient
from integration.models import SyncRun
from integration.runtime import Runtime
from integration.token_bucket import Rate

#: A batch of fewer rows says little about how fast a shop can be.
TELLING_ROWS = 20
ERP, SHOP = "erp", "shop"


@dataclass(frozen=True)
class Pace:
    """`limit`: which of the two is narrower, None while neither was used; `limit_s` and `took_s`:
    the least time by it, and the time until now without pauses. `erp_share` and `shop_share`: of
    that time, how much was waited for them; writers that write at the same time count once each.
    """

    limit: str | None
    limit_s: float
    took_s: float
    erp_share: float
    shop_share: float
    #: By the ERP's budget per second, and by the shop per row.
    budget: Rate
    shop_row_s: float | None

    @property
    def reached(self) -> float | None:
        """The part of the limit's rate that was reached, 0 to 1."""
        if self.limit is None or self.took_s <= 0:
            return None
        return min(1.0, self.limit_s / self.took_s)


@contextmanager
def asking_erp(runtime: Runtime, run_id: int | None, client: ErpClient) -> Iterator[None]:
    """Count for the run what the block asks the ERP with this client."""
    began, before = monotonic(), client.asked.total()
    try:
        yield
    finally:
        if run_id is not None:
            with runtime.scope() as session:
                _add(
                    session,
                    run_id,
                    erp_requests=SyncRun.erp_requests + client.asked.total() - before,
                    erp_s=SyncRun.erp_s + monotonic() - began,
                )


def note_shop(session: Session, run_id: int, rows: int, took_s: float) -> None:
    """A shop took these rows of a run."""
    values = {"shop_rows": SyncRun.shop_rows + rows, "shop_s": SyncRun.shop_s + took_s}
    if rows >= TELLING_ROWS:
        row_s = took_s / rows
        best = func.coalesce(SyncRun.shop_row_s, row_s)
        values["shop_row_s"] = sql.least(sql.is_postgres(session), best, row_s)
    _add(session, run_id, **values)


def _add(session: Session, run_id: int, **values: object) -> None:
    session.execute(
        update(SyncRun)
        .where(SyncRun.id == run_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def of(session: Session, run_id: int, budget: Rate) -> Pace:
    """The pace of a run until now, or until it ended."""
    run = session.get_one(SyncRun, run_id, populate_existing=True)
    until = run.ended_at or run.paused_at or session.scalars(select(db_now())).one()
    took_s = max(0.0, (until - run.started_at).total_seconds() - run.paused_s)
    return paced(
        budget,
        took_s,
        erp=(run.erp_requests, run.erp_s),
        shop=(run.shop_rows, run.shop_s, run.shop_row_s),
    )


def paced(
    budget: Rate,
    took_s: float,
    *,
    erp: tuple[int, float],
    shop: tuple[int, float, float | None],
) -> Pace:
    """The pace by what was counted: requests and seconds; rows, seconds, and the best per row.

    The bucket of the ERP's budget is full at first.
    """
    requests, erp_s = erp
    rows, shop_s, row_s = shop
    by_erp = max(0.0, requests - budget.capacity) / budget.per_second
    by_shop = 0.0 if row_s is None else rows * row_s
    limit = None if not (by_erp or by_shop) else ERP if by_erp >= by_shop else SHOP
    return Pace(
        limit=limit,
        limit_s=max(by_erp, by_shop),
        took_s=took_s,
        erp_share=erp_s / took_s if took_s > 0 else 0.0,
        shop_share=shop_s / took_s if took_s > 0 else 0.0,
        budget=budget,
        shop_row_s=row_s,
    )
