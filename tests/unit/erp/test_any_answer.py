"""Whatever JSON the ERP answers: rows of one shape, or an error that says what follows."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import requests
from hypothesis import given, settings

from integration import wire
from integration.channel_view import ChannelView
from integration.erp import catalogue, reads
from integration.erp.auth import TenantAccess
from integration.erp.client import ErpClient
from integration.erp.plans import FETCH_BY_TOPIC
from integration.errors import IntegrationError
from integration.toggles import ARTICLE_TOPICS
from integration.topics import DOCUMENT_BY_TOPIC
from tests.unit.erp.conftest import Bucket, Facts, Tokens

VIEW = ChannelView(id=1, tenant_id=1, tenant="acme", erp_id="42", platform="memory")
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([10**30, -(10**400), 1e308, Decimal("1E+9999"), Decimal("1E-9999")])
)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.sampled_from(["1", "EUR"])
NAMES = st.sampled_from(
    [
        "id", "number", "name", "active", "listed", "listings", "value", "label", "rate", "weight",
        "grossMetric", "weightUnit", "identifiers", "netPrice", "grossPrice", "currencyRef", "data",
        "stockAvailable", "salesChannelRef", "usedTaxRate", "typeRef", "taxSchemaRef", "attribute",
        "definition", "shelfResourceId", "publish", "file", "uiSort", "translatableTexts",
        "_type", "path", "displayName", "productType", "tax_schema", "stock", "net",
    ]
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=15,
)


class AnyErp:
    """Answers everything with what the test gives, over the client's own reading of answers."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 200
        found = next(given for part, given in self.answers.items() if part in request.url)
        response._content = json.dumps(found, default=str).encode()
        return response


def client(answers: dict[str, Any]) -> ErpClient:
    access = TenantAccess(
        "acme", "https://acme.vario.cloud", "", "app", "client", "secret", "token"
    )
    session = requests.Session()
    session.mount("https://", AnyErp(answers))  # type: ignore[arg-type]
    return ErpClient(access, session, Tokens(), Bucket())


def page_of(rows: list[Any]) -> dict[str, Any]:
    """A page of article 1 on channel 42 with columns under our names."""
    names = ("id", *catalogue._FIELD_BY_NAME)
    definition = [{"attribute": name, "displayName": name} for name in names]
    return {"definition": definition, "data": rows}


@settings(max_examples=150, deadline=None)
@given(
    row=st.dictionaries(st.sampled_from(sorted(catalogue._FIELD_BY_NAME)), ANYTHING),
    article=ANYTHING,
    listing=ANYTHING,
    price=ANYTHING,
    stock=ANYTHING,
    tax=ANYTHING,
    attribution=ANYTHING,
    document=ANYTHING,
    fields=ANYTHING,
)
def test_any_values_make_rows_that_every_topic_can_judge(
    row, article, listing, price, stock, tax, attribution, document, fields
):
    answers = {
        "/execute": page_of([{**row, "id": 1}]),
        "/fields": fields,
        "/listings": [{"salesChannelRef": {"id": 42}, "id": 9, "name": listing, "listed": listing}],
        "/sales-price": price,
        "/stocks": stock,
        "/tax-select": tax,
        "/attributions": [attribution, {"shelfResourceId": 7, "publish": True}],
        "/byRef": [document, {"id": 7, "file": document, "translatableTexts": document}],
        "/resources/": document,
        "/erp/articles/": article,
    }

    for topic in ARTICLE_TOPICS:
        fetch = FETCH_BY_TOPIC[topic]
        try:
            rows = fetch(client(answers), Facts(), VIEW, ["1"])
        except IntegrationError:
            continue
        for found in rows.values():
            travelling = wire.loads(wire.dumps(found))
            with suppress(IntegrationError):
                DOCUMENT_BY_TOPIC[topic](travelling, VIEW)


@settings(max_examples=15, deadline=None)
@given(ANYTHING)
def test_any_answer_to_a_query_is_a_page_or_an_error(answer):
    for body in (answer, {"definition": answer, "data": [answer]}, page_of([answer])):
        with suppress(IntegrationError):
            client({"/execute": body}).vql("SELECT id")


@settings(max_examples=15, deadline=None)
@given(ANYTHING)
def test_any_answer_to_a_read_is_fields_or_an_error(answer):
    asked = client({"/": answer})

    for read in (reads.price, reads.stock, reads.listing):
        assert read(asked, "1", "42") is None or isinstance(read(asked, "1", "42"), dict)
    assert isinstance(reads.article(asked, "1"), dict)
    assert isinstance(reads.tax(asked, Facts(), "11"), dict)
    assert isinstance(catalogue.rediscover(asked, Facts()), frozenset)
