"""The media shelf of one article, and the bytes of its files."""

import pytest
import requests

from integration.erp import shelf
from integration.erp.files import Files
from integration.errors import Busy, Rejected, SourceTrouble, TenantError
from tests.unit.erp.conftest import API

ATTRIBUTIONS = f"{API}/dms/attributions?refType=ARTICLE&refId=1"
BY_REF = f"{API}/dms/resources/byRef?refType=ARTICLE&refId=1"
FILE = f"{API}/dms/resources/7/file"


def attribution(document, **changes):
    return {"id": f"a{document}", "shelfResourceId": document, "publish": True, **changes}


def document(key, **file):
    named = {"contentType": "image/png", "publicFileName": "bild", "revisionNumber": 2, **file}
    return {"id": key, "state": "FILE_ATTACHED", "deletionState": "NOT_YET", "file": named}


def test_two_reads_bring_the_published_documents(client, wire):
    wire.get(
        ATTRIBUTIONS,
        json=[attribution(7, uiSort=3, uiFavorite=True), attribution("8", publish=False)],
    )
    wire.get(BY_REF, json=[document("7"), document("8")])

    assert shelf.images(client, "ARTICLE", "1") == [
        {
            "id": "7",
            "favourite": True,
            "sort": 3,
            "state": "FILE_ATTACHED",
            "deletion_state": "NOT_YET",
            "content_type": "image/png",
            "name": "bild",
            "extension": None,
            "size": None,
            "revision": "2",
            "texts": [],
        }
    ]


def test_a_shelf_without_published_documents_costs_one_read(client, wire):
    wire.get(ATTRIBUTIONS, json=[attribution(7, publish=False)])

    assert shelf.images(client, "ARTICLE", "1") == []


def test_a_document_that_the_list_lacks_is_read_alone_and_may_be_gone(client, wire):
    wire.get(ATTRIBUTIONS, json=[attribution(7), attribution(8), attribution(7)])
    wire.get(BY_REF, json=[])
    wire.get(f"{API}/dms/resources/7", json=document("7"))
    wire.get(f"{API}/dms/resources/8", json={"errors": {}, "httpStatus": 404}, status=404)

    assert [one["id"] for one in shelf.images(client, "ARTICLE", "1")] == ["7"]


def opened(client, ref="7"):
    return b"".join(Files(lambda: client).open(ref))


def test_a_file_comes_as_bytes(client, wire):
    wire.get(FILE, body=b"\x89PNG")

    assert opened(client) == b"\x89PNG"
    assert wire.calls[0].request.headers["Accept"] == "*/*"


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 201, "json": {"url": "https://files.example/7"}},
        {"status": 303, "headers": {"Location": "https://files.example/7"}},
    ],
)
def test_a_file_that_lies_elsewhere_is_fetched_there_without_our_token(client, wire, answer):
    wire.get(FILE, **answer)
    wire.get("https://files.example/7", body=b"\x89PNG")

    assert opened(client) == b"\x89PNG"
    assert "Authorization" not in wire.calls[1].request.headers


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 201, "json": {"url": "http://169.254.169.254/secrets"}},
        {"status": 201, "json": {"url": 7}},
        {"status": 201, "json": []},
        {"status": 303, "headers": {"Location": "file:///etc/passwd"}},
    ],
)
def test_an_address_that_is_not_encrypted_is_not_followed(client, wire, answer):
    wire.get(FILE, **answer)

    with pytest.raises(Rejected, match="names no address of the file"):
        opened(client)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 500}, SourceTrouble),
        ({"status": 404, "json": {"errors": {}}}, SourceTrouble),
        ({"status": 429}, Busy),
        ({"status": 422, "json": {"errors": {}}}, Rejected),
        ({"status": 403}, TenantError),
        ({"body": requests.exceptions.ConnectionError("cut")}, SourceTrouble),
    ],
)
def test_trouble_of_the_erp_is_not_the_shops(client, wire, answer, error):
    wire.get(FILE, **answer)

    with pytest.raises(error) as raised:
        opened(client)

    assert type(raised.value) is error or isinstance(raised.value, TenantError)


def test_a_reference_that_is_no_id_asks_nobody(client):
    with pytest.raises(Rejected, match="is no document"):
        opened(client, "../../users")


def test_the_client_is_made_with_the_first_file():
    made = []
    files = Files(lambda: made.append(1))  # type: ignore[arg-type, return-value]

    files.open("7")

    assert made == []
