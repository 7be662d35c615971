"""`vario-relay shop-edit` and `channel set own.FIELD=...`: what people say about edits."""

import json

import pytest
from sqlalchemy import select

from integration.models import Listing, SalesChannel, ShopEdit, SyncRun, WorkItem


@pytest.fixture
def edits(runtime, channel):
    """Three edits of two articles on channel 7."""
    with runtime.scope() as session:
        channel_id = session.scalars(select(SalesChannel.id)).one()
        for one in ("1001", "1002"):
            key = {"channel_id": channel_id, "article_id": one}
            session.add(Listing(**key, external_id=f"p{one}", number=f"A-{one}"))
            session.flush()
            session.add(ShopEdit(**key, field="name", shown="Stool"))
        session.add(ShopEdit(**key, field="name@en", shown="Seat"))


def listed(run, code=0):
    result = run("shop-edit", "list", "7", "--json")
    assert result.exit_code == code, result.output
    return [(one["number"], one["field"], one["kept_by"]) for one in json.loads(result.stdout)]


def hinted(runtime):
    with runtime.scope() as session:
        rows = session.scalars(select(WorkItem).order_by(WorkItem.entity_id))
        return [(row.topic, row.entity_id) for row in rows]


def test_what_was_changed_in_the_shop_is_listed(run, edits):
    assert listed(run) == [
        ("A-1001", "name", None),
        ("A-1002", "name", None),
        ("A-1002", "name@en", None),
    ]
    table = run("shop-edit", "list", "7").stdout
    assert "Stool" in table
    assert "keep-once-edited" in table


def test_an_edit_that_somebody_is_asked_about_is_a_decision_to_make(run, edits):
    run("channel", "set", "7", "own.name=ask")
    assert len(listed(run, code=3)) == 3

    kept = run("shop-edit", "keep", "7", "--field", "name")

    assert "3 edited fields of sales channel 7 stay as they are in the shop" in kept.stderr
    assert all(by for _number, _field, by in listed(run))


def test_the_fields_of_one_article_are_given_back(run, runtime, edits):
    done = run("shop-edit", "overwrite", "7", "A-1002")

    assert "2 edited fields of sales channel 7 are the ERP's again" in done.stderr
    assert listed(run) == [("A-1001", "name", None)]
    assert hinted(runtime) == [("upsert.article", "1002")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["overwrite", "7"], "name an ARTICLE, or a --field for all articles"),
        (["keep", "7", "--field", "ean"], "there is no field 'ean'; there are number, name, "),
    ],
)
def test_what_is_not_said_clearly_is_refused(run, edits, arguments, words):
    result = run("shop-edit", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_a_channel_takes_known_owners_of_known_fields(run, runtime, channel):
    for pair, words in (
        ("own.name=mine", "own.name is none of overwrite, keep, keep-once-edited, ask"),
        ("own.ean=keep", "has no parameter 'own.ean'"),
    ):
        result = run("channel", "set", "7", pair)
        assert result.exit_code == 2
        assert words in result.stderr
    shown = json.loads(run("channel", "show", "7", "--json").stdout)
    assert shown["parameters"]["own.description"] == "keep-once-edited"
    assert shown["parameters"]["own.price"] == "overwrite"


def test_what_is_the_erps_again_goes_at_once(run, runtime, edits):
    run("channel", "set", "7", "own.stock=keep")
    run("channel", "set", "7", "own.name=overwrite", "own.stock=overwrite")

    assert listed(run) == []
    assert hinted(runtime) == [("upsert.article", "1001"), ("upsert.article", "1002")]
    with runtime.scope() as session:
        (asked,) = session.scalars(select(SyncRun)).all()
        assert (asked.kind, asked.topics, asked.is_forced) == ("stock-pass", "stock", True)
