"""Asking again: who asks for a pause is waited for, who fails for too long is not."""

import pytest

from integration.errors import Throttled, TransientError
from integration.patience import LONGEST_PAUSE_S, MAX_FAILURES, Patience


def failing(*errors):
    """Something that raises these, one after the other, and then answers."""
    coming = iter(errors)

    def ask():
        for error in coming:
            raise error
        return "answer"

    return ask


def test_a_pause_is_waited_for_however_often_it_is_asked_for():
    waits: list[float] = []

    answer = Patience(waits.append).ask(failing(*[Throttled("busy", 3.0)] * 20))

    assert (answer, waits) == ("answer", [3.0] * 20)


def test_failures_are_waited_out_ever_longer_and_not_for_ever():
    waits: list[float] = []
    away = [TransientError("away")] * MAX_FAILURES

    with pytest.raises(TransientError, match="away"):
        Patience(waits.append).ask(failing(*away))

    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0]


def test_no_pause_is_longer_than_somebody_would_wait():
    waits: list[float] = []

    Patience(waits.append).ask(failing(Throttled("maintenance", 3_600.0)))

    assert waits == [LONGEST_PAUSE_S]


def test_what_was_postponed_is_asked_for_again():
    waits: list[float] = []
    asked: list[list[str]] = []

    def fetch(ids):
        asked.append(list(ids))
        late = {"postponed": {"message": "later", "retry_after_s": 1.5}}
        return {one: {"id": one} if one == "1" or len(asked) > 1 else late for one in ids}

    rows = Patience(waits.append).rows(fetch, ["1", "2", "3"])

    assert sorted(rows) == ["1", "2", "3"]
    assert (asked, waits) == ([["1", "2", "3"], ["2", "3"]], [1.5])
