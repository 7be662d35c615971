"""What goes wrong between the connector and its shop, at the moment of a write.

Each trouble meets a batch that creates and a batch that changes stocks. Afterwards the shop holds
each article once and as it is, whatever the answer to the first try was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vario_relay import (
    ChannelError,
    IntegrationError,
    Throttled,
    Topic,
    TransientError,
)
from vario_relay.testing import faults
from vario_relay.testing.cases.case import Case
from vario_relay.testing.cases.tokens import refused_token
from vario_relay.testing.goods import stocked
from vario_relay.testing.holdings import judge
from vario_relay.testing.proxy import Fault
from vario_relay.testing.stand import Sent, Stand
from vario_relay.testing.verdicts import Lost, Wrong

PAUSE_S = 7

#: Before a pause that is shorter, in seconds, nobody waited.
SHORTEST_PAUSE_S = 1.0

#: Looks at what came of the pushes that a trouble met.
Check = Callable[[Sent], None]


def passing(kinds: Sequence[Callable[[], Fault]], *checks: Check) -> Callable[[Stand], str]:
    """A case of troubles after which the same rows go again."""

    def run(stand: Stand) -> str:
        for kind in kinds:
            _meet(stand, kind, checks)
        return ""

    return run


def _meet(stand: Stand, kind: Callable[[], Fault], checks: Sequence[Check]) -> None:
    articles = stand.batch()
    sent = _trouble(stand, kind(), lambda: stand.create(articles), checks)
    judge(stand, articles, sent)

    changed = [stocked(one, 41) for one in articles]
    stocks = [one.stock for one in changed if one.stock]
    sent = _trouble(stand, kind(), lambda: stand.send(Topic.STOCK, stocks), checks)
    judge(stand, changed, sent)


def _trouble(stand: Stand, fault: Fault, send: Callable[[], Sent], checks: Sequence[Check]) -> Sent:
    with stand.failing(fault):
        sent = send()
    if not sent.met and not sent.followers:
        raise Lost("it had no answer that names the rows, and accepts them")
    for error in sent.errors:
        if isinstance(error, ChannelError):
            raise Wrong(f"a trouble that passes holds the channel: {error}")
    for check in checks:
        check(sent)
    return sent


def is_in_doubt(sent: Sent) -> None:
    """Nobody can know whether the shop applied it, and the error has to say so."""
    for first in sent.met[:1]:
        if isinstance(first, TransientError) and not first.outcome_unknown:
            raise Wrong(f"the shop may have applied it, outcome_unknown is False: {first}")


def asks_for_pause(seconds: float) -> Check:
    """The error hands on the pause that the shop asks for, if it says one, and the push writes
    nothing more before it is over."""

    def check(sent: Sent) -> None:
        writes = [one.after_s for one in sent.followers if one.request.is_write]
        if early := [one for one in writes if one < max(seconds, SHORTEST_PAUSE_S)]:
            raise Wrong(f"asked for a pause, the same push writes again after {early[0]:.1f} s")
        for first in sent.met[:1]:
            _is_pause(first, seconds)

    return check


def _is_pause(error: IntegrationError, seconds: float) -> None:
    if not isinstance(error, Throttled):
        raise Wrong(f"429 is no Throttled but {type(error).__name__}: {error}")
    if error.retry_after_s < max(seconds, 0.001):
        raise Wrong(f"it comes back after {error.retry_after_s:g} s, not after {seconds:g} s")


def _all(*kinds: Callable[[], Fault]) -> list[Callable[[], Fault]]:
    return list(kinds)


CASES = (
    Case(
        "429-retry-after",
        f"the shop asks for a pause of {PAUSE_S} s",
        passing(
            _all(lambda: faults.answered(429, Retry_After=str(PAUSE_S))), asks_for_pause(PAUSE_S)
        ),
    ),
    Case(
        "429-bare",
        "the shop asks for a pause and does not say how long",
        passing(_all(lambda: faults.answered(429)), asks_for_pause(0)),
    ),
    Case("401", "the shop refuses the token once, then every time", refused_token),
    Case(
        "5xx",
        "500, 502, 503, 504 before the write, 502 after it",
        passing(
            [
                *(lambda status=one: faults.answered(status) for one in (500, 502, 503, 504)),
                lambda: faults.answered_after(502),
            ],
            is_in_doubt,
        ),
    ),
    Case(
        "timeout-before",
        "no answer, and the shop wrote nothing",
        passing(_all(lambda: faults.silent(after=False)), is_in_doubt),
    ),
    Case(
        "timeout-after",
        "no answer, and the shop wrote everything",
        passing(_all(lambda: faults.silent(after=True)), is_in_doubt),
    ),
    Case(
        "half-applied",
        "the shop writes half of a batch and fails",
        passing(_all(faults.half), is_in_doubt),
    ),
    Case("cut-body", "the answer ends in its middle", passing(_all(faults.cut), is_in_doubt)),
    Case(
        "html",
        "a page with status 200 instead of an answer, before the write and after it",
        passing(
            _all(lambda: faults.page(after=False), lambda: faults.page(after=True)), is_in_doubt
        ),
    ),
    Case(
        "closed",
        "the shop writes half of a batch and closes the connection",
        passing(_all(faults.closed), is_in_doubt),
    ),
)
