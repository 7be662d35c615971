"""Entries of the history as lines of the timeline."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integration.explaining.facts import Facts, Work
from integration.explaining.report import entry_as_json
from integration.explaining.texts import Language
from integration.explaining.texts_history import TEXT_BY_KEY
from integration.explaining.timeline import LONGEST_SENT, logged_entries, timeline
from integration.history.entries import FIRST_WRITE, Logged
from integration.topology import Topic

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(minutes=1)
#: What the queue writes, and with it whether something was sent, in doubt, or done by a person.
WRITTEN = [
    ("pushed", {"content_hash": "abc", "sent": {"gross": "9.90"}}),
    ("pushed", {"content_hash": "abc"}),
    ("pushed", {"content_hash": "abc", "words": FIRST_WRITE, "sent": {"name": "Lamp"}}),
    ("pushed", {"content_hash": "abc", "words": FIRST_WRITE}),
    ("unchanged", {"content_hash": "abc"}),
    ("skipped", {"words": "not listed"}),
    ("skipped", {"words": "discarded", "person": "anna"}),
    *((kind, {"words": "no"}) for kind in ("buried", "postponed", "requeued")),
    *(
        (kind, {"words": "no", "content_hash": "abc", "is_in_doubt": doubt})
        for kind in ("buried", "postponed", "requeued", "released")
        for doubt in (False, True)
    ),
    ("held", {"words": "by-hand"}),
    ("unheld", {"words": "by-hand"}),
    ("unheld", {"words": "by-hand", "person": "anna"}),
    ("replayed", {}),
    ("replayed", {"person": "anna"}),
    ("taken_back", {}),
    ("vanished", {}),
    ("awaiting", {}),
    ("command", {"words": "channel pause", "person": "anna"}),
]


def told(entry: Logged, language: Language = Language.EN) -> list[str]:
    return [str(entry_as_json(one, language)["detail"]) for one in logged_entries(entry)]


@pytest.mark.parametrize("language", list(Language))
def test_whatever_is_written_has_a_sentence_of_its_own(language):
    entries = [Logged(NOW, kind, Topic.PRICE, **values) for kind, values in WRITTEN]

    sentences = [told(one, language)[-1] for one in entries]

    assert len(set(sentences)) == len(sentences)
    assert not any("None" in one or "?" in one for one in sentences)
    # The others are about what arrived and what was fetched.
    assert len(TEXT_BY_KEY) == len(sentences) + 3


def test_one_entry_tells_what_came_what_was_fetched_and_what_became_of_it():
    entry = Logged(
        NOW, "buried", Topic.PRICE, 3, BEFORE, "webhook article-price.update",
        content_hash="abc", words="too cheap", fetched_at=BEFORE, fetched="VQL x x1",
    )  # fmt: skip

    assert told(entry) == [
        "3 events arrived up to now, the last by webhook article-price.update",
        "asked the ERP: VQL x x1",
        "sent and refused: too cheap",
    ]
    assert [one.event for one in logged_entries(entry)] == ["arrived", "fetched", "failed"]


def test_a_long_body_is_cut_in_a_sentence_and_whole_in_json():
    body = {"text": "x" * 1_000}
    (entry,) = logged_entries(Logged(NOW, "pushed", Topic.PRICE, content_hash="a", sent=body))

    shape = entry_as_json(entry, Language.EN)

    assert len(str(shape["detail"])) == len("sent and accepted: ") + LONGEST_SENT
    assert shape["sent"] == body


def test_where_the_history_is_younger_the_rows_of_now_fill_in():
    work = Work("COMPLETED", pushed_at=BEFORE, last_event_at=BEFORE)
    facts = Facts("acme/42", "1", NOW, works={Topic.PRICE: work, Topic.STOCK: work})
    logged = Logged(BEFORE, "pushed", Topic.STOCK, 1, BEFORE, "webhook x", content_hash="a")

    entries = timeline(replace(facts, logged=(logged,)))

    assert sorted((str(one.topic), one.event) for one in entries) == [
        ("update.article-price", "last-event"),
        ("update.article-price", "pushed"),
        ("update.article-stock", "arrived"),
        ("update.article-stock", "pushed"),
    ]
