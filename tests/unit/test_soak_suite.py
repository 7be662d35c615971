"""The judge of the soak: which webhooks may stay behind."""

import pytest

from tests.soak.run import untaken


def delivery(queue: str, state: str, response: str | None) -> dict:
    return {"queue": queue, "state": state, "attempts": 65, "response": response}


@pytest.mark.parametrize(
    ("queue", "state", "response", "is_wrong"),
    [
        ("article(sales-channel-id=44).update", "SENT", "200", False),
        ("article(sales-channel-id=44).update", "ERRONEOUS", "404", False),
        ("article(sales-channel-id=420)-shelf.update", "ERRONEOUS", "404", False),
        ("article(sales-channel-id=44).update", "ERRONEOUS", "503", True),
        ("article(sales-channel-id=44).update", "FAILED", "ConnectionError", True),
        ("article(sales-channel-id=42).update", "ERRONEOUS", "404", True),
        ("sales_channel.delete", "ERRONEOUS", "404", True),
        ("tenant.online", "QUEUED", None, True),
    ],
)
def test_only_what_is_said_of_a_deleted_channel_may_be_refused(queue, state, response, is_wrong):
    assert bool(untaken([delivery(queue, state, response)])) is is_wrong
