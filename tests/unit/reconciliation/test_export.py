"""The files of a plan."""

import csv
import io
import json

import pytest

from integration.models import Drift
from integration.reconciliation.export import COLUMNS, harmless, write_csv, write_json

HEADER = {"channel": "acme/42", "plan": 7}


def line(**values):
    fields = {
        "kind": "different",
        "topic": "update.article-price",
        "article_id": "4711",
        "number": "A-1",
        "field": "gross",
        "old": "9.99",
        "new": "12.49",
        "is_edited": True,
        "external_id": "p1",
        "state": "PLANNED",
    }
    return Drift(**{**fields, **values})


@pytest.mark.parametrize("lines", [[], [line()], [line(), line(new="=1+1")]])
def test_a_plan_as_json_is_one_document(lines):
    stream = io.StringIO()

    write_json(stream, HEADER, lines)

    found = json.loads(stream.getvalue())
    assert (found["channel"], found["plan"], len(found["items"])) == ("acme/42", 7, len(lines))
    assert [one["topic"] for one in found["items"]] == ["price"] * len(lines)


def test_a_plan_as_csv_is_a_table():
    stream = io.StringIO()

    write_csv(stream, [line(number='=HYPERLINK("http://evil")', old="-5", new=None)])

    rows = list(csv.reader(io.StringIO(stream.getvalue())))
    assert rows[0] == list(COLUMNS)
    cells = dict(zip(COLUMNS, rows[1], strict=True))
    assert cells["number"] == '\'=HYPERLINK("http://evil")'
    assert (cells["old"], cells["new"], cells["edited"]) == ("-5", "", "True")


@pytest.mark.parametrize("text", ["=1", "+cmd|x", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_what_a_spreadsheet_would_execute_is_a_text(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["A-1", "-5", "-5.25", "0", "Säge = gut"])
def test_other_texts_and_numbers_stay_as_they_are(text):
    assert harmless(text) == text
