"""How many requests a shop bears: learnt from its answers, shared by all processes.

Additive up, multiplicative down, as TCP finds the rate of a line. Most shops name no limit, so
the rate begins where a healthy one never notices it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import requests
from sqlalchemy import func, or_, update
from sqlalchemy.orm import Session

from integration import pacing
from integration.clock import db_now
from integration.db import SessionScope
from integration.models import RateBucket
from integration.patience import Patience
from integration.token_bucket import Rate, Share

#: Requests per second: a healthy shop answers two writers about six times a second.
START, LEAST, MOST = 10.0, 0.2, 50.0
#: With the full rate in use it grows by one request per second each second.
STEP = 1.0
#: After 429 and 503, and after an answer that took too long or said that little is left.
AFTER_REFUSAL, AFTER_WARNING = 0.5, 0.8
#: An answer that took so long is a warning. Shopware's own advice is 5 to 10 s per request.
SLOW_ANSWER_S = 5.0
#: Less than this part of the shop's own budget left is a warning.
LITTLE_LEFT = 0.2
#: Requests that were refused together are one refusal.
ONE_REFUSAL_S = 1.0
#: The bucket holds a quarter of the requests of so many seconds, as the ERP's does.
WINDOW_S = 6.0

_REFUSALS = (429, 503)
#: Headers that name what is left and the whole: the draft standard's, and its many elder sisters.
_LEFT_AND_LIMIT = (
    ("ratelimit-remaining", "ratelimit-limit"),
    ("x-ratelimit-remaining", "x-ratelimit-limit"),
    ("x-rate-limit-remaining", "x-rate-limit-limit"),
)
#: Shopify's ``32/40``: used of limit.
_USED_OF_LIMIT = "x-shopify-shop-api-call-limit"


def rate_of(learnt: float | None) -> Rate:
    """The rate of a shop's bucket."""
    return Rate((START if learnt is None else learnt) * WINDOW_S, WINDOW_S)


def factor_of(status: int, headers: Mapping[str, str], seconds: float) -> float | None:
    """What an answer does to the rate: a factor below 1, None: it may grow."""
    if status in _REFUSALS:
        return AFTER_REFUSAL
    left = share_left(headers)
    if seconds >= SLOW_ANSWER_S or (left is not None and left < LITTLE_LEFT):
        return AFTER_WARNING
    return None


def share_left(headers: Mapping[str, str]) -> float | None:
    """The part of the shop's own budget that its headers say is left, 0 to 1; None: not told."""
    used, slash, limit = headers.get(_USED_OF_LIMIT, "").partition("/")
    if slash:
        used_share = _quotient(used, limit)
        return None if used_share is None else 1.0 - used_share
    for left, whole in _LEFT_AND_LIMIT:
        share = _quotient(headers.get(left, ""), headers.get(whole, ""))
        if share is not None:
            return share
    return None


def _quotient(part: str, whole: str) -> float | None:
    # ``limit`` may carry a policy: ``100, 100;w=60``.
    texts = part.strip(), whole.partition(",")[0].strip()
    if not all(one.isascii() and one.isdigit() for one in texts) or int(texts[1]) == 0:
        return None
    return min(1.0, int(texts[0]) / int(texts[1]))


def learn(session: Session, channel_id: int, factor: float | None) -> None:
    """Lower the shop's rate by `factor`, or let it grow by one answer's worth (None)."""
    now_rate = func.coalesce(RateBucket.per_second, START)
    statement = update(RateBucket).where(RateBucket.name == pacing.shop_bucket_name(channel_id))
    if factor is None:
        statement = statement.where(now_rate < MOST).values(per_second=now_rate + STEP / now_rate)
    else:
        is_another = or_(
            RateBucket.slowed_at.is_(None), RateBucket.slowed_at < db_now(-ONE_REFUSAL_S)
        )
        statement = statement.where(is_another, now_rate > LEAST).values(
            per_second=now_rate * factor, slowed_at=db_now()
        )
    session.execute(statement.execution_options(synchronize_session=False))


class ShopGate:
    """Stands before each request to one shop, and listens to the answers.

    `patience`: of a pass that reads everything and holds no claim, and so may wait for its tokens.
    `tell`: is told of each request before all waiting.
    """

    def __init__(
        self,
        scope: SessionScope,
        channel_id: int,
        share: Share,
        patience: Patience | None = None,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        self._scope, self._channel_id, self._patience = scope, channel_id, patience
        self._tell = tell
        self._bucket = pacing.Bucket(
            scope, pacing.shop_bucket_name(channel_id), rate_of, share=share
        )
        self._check: Callable[[], float | None] | None = None

    def guard(self, before_write: Callable[[], float | None]) -> Callable[[], float | None]:
        """`before_write`, which is asked again when the write then had to wait for its token."""

        def checked() -> float | None:
            not_after = before_write()
            self._check = before_write
            return not_after

        return checked

    def before_request(self) -> None:
        """Return when the request may go. Raises: Busy, and what `before_write` raises."""
        self._tell()
        take = self._bucket.take
        waited_s = take() if self._patience is None else self._patience.ask(take)
        check, self._check = self._check, None
        if waited_s > 0 and check is not None:
            check()

    def answered(self, response: requests.Response, seconds: float) -> None:
        """Learn from an answer. Whoever does not answer is the circuit breaker's business."""
        factor = factor_of(response.status_code, response.headers, seconds)
        with self._scope() as session:
            learn(session, self._channel_id, factor)
