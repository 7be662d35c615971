"""Every request that was recorded from a real Shopware 6.6.7.1, sent to the sandbox.

One recorded run shared its state, so each request gets a shop that holds what the run had made by
then. Compared are status, errors word for word, states and the shape of the rows; values are not.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from sandbox.shops.shopware6 import Options, create_app
from tests.contract.sandbox_shopware.support import EUR, Clock

FOLDERS = [above / "shared/reference/recorded/shopware" for above in Path(__file__).parents]
RECORDED = next((one for one in FOLDERS if one.is_dir()), FOLDERS[-1])
FILES = sorted(RECORDED.glob("[!_]*.json"))

NO_STORE_API = "customers do not order here: orders come in by an admin route"
DIFFERENCES = {
    "media_upload_by_url_404": "the sandbox downloads nothing, every URL is refused as not allowed",
    "media_upload_by_url_ok_validation_off": "recorded with a setting that no stock shop has",
    "store_add_to_cart": NO_STORE_API,
    "store_place_order": NO_STORE_API,
    "store_register_guest": NO_STORE_API,
}

TAX = "01a207a499cd7272a7ec9329a4f137bb"
GERMAN = "01a207a4990c70e68063ef43de9759d6"
CHANNEL = "98432def39fc4624b33213a56b8c944d"
HAMMER = "8e1cdd62968b4c7e9fb575181a5e733b"
NUMBER_BY_PRODUCT = {
    HAMMER: "HAM-424707",
    "97ec332c3fcb4f87bb09b0435b95feff": "HAM2-424707",
    "8506c02cd15347e18d621284494e2706": "SA-424707",
    "7eb27fb120c74f23b55edfde14ef18df": "SB-424707",
    "93cd72722d104b50806ad781a5005f37": "ORD-424794",
    "b3e84437fc6f4ff7bff8768085a0a4d2": "RACE-424707",
}
PICTURE, EMPTY_MEDIA = "63239c6e0a3e46f0be0b3f2eeca4ebd1", "adb5fbfaf5ab4e97b065810929cd31bd"
HOST = "http://shop.example:8804"
ID = re.compile(r"[0-9a-f]{32}")
ORDERED = "93cd72722d104b50806ad781a5005f37"
ORDER = {"id": "01a207a83d3373b68d7185af7c95baf1",
         "delivery_id": "01a207a83d3a7004bf783008145815c5",
         "transaction_id": "01a207a83d3a7004bf7830081626519f", "number": "10000",
         "lines": [{"article": ORDERED, "quantity": 2}]}
# What the run had sent just before, by the names of its recordings.
BEFORE = {"order_state_process_again": ["order_state_process_ok"],
          "order_state_complete_ok": ["order_state_process_ok"],
          "delivery_ship_again": ["delivery_ship_ok"],
          "order_after": ["order_state_process_ok", "delivery_tracking_204", "delivery_ship_ok"],
          "product_custom_fields_after": ["product_custom_fields_undeclared"]}
GONE_BEFORE = {"product_delete_again": "97ec332c3fcb4f87bb09b0435b95feff"}
# Derived by the search indexer of the original; nothing a client writes or reads.
# JSON:API is served, but no client of ours reads it.
UNCOMPARED = {"extensions", "attributes", "relationships"}
INDEXER_ROWS = {"product_search_keyword"}
THROTTLED_USER = {"auth_rate_limited_429": {"grant_type": "password", "username": "nobody424707"}}


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def sent_rows(body: object) -> list[dict]:
    """The product rows of a recorded body, of a sync or of a single write."""
    if isinstance(body, dict) and "productNumber" in body:
        return [body]
    operations = body.values() if isinstance(body, dict) else body
    if not isinstance(body, (dict, list)):
        return []
    return [row for one in operations if isinstance(one, dict) for row in one.get("payload", ())]


def product(product_id: str, number: str) -> dict:
    return {"id": product_id, "productNumber": number, "name": number, "stock": 5, "taxId": TAX,
            "price": [{"currencyId": EUR, "gross": 19.99, "net": 16.7983, "linked": True}],
            "translations": {GERMAN: {"name": f"{number} de"}}}


class Replay:
    """A fresh shop, prepared for one recorded request."""

    def __init__(self, path: Path) -> None:
        self.name, recording = path.stem, read(path)
        self.request, self.expected = recording["request"], recording["response"]
        self.clock = Clock()
        app = create_app(Options(now=self.clock))
        self.client, self.credentials = app.test_client(), app.config["CREDENTIALS"]
        self.token = self.login()["access_token"]
        self.prepare()

    def login(self) -> dict:
        client = {name: self.credentials[name] for name in ("client_id", "client_secret")}
        body = {"grant_type": "client_credentials", **client}
        return self.client.post("/api/oauth/token", json=body).get_json()

    def prepare(self) -> None:
        made = {row["id"] for row in sent_rows(self.request["body"])
                if "productNumber" in row and self.expected["status"] < 300}
        known = {**NUMBER_BY_PRODUCT, **self.earlier_batch()}
        gone = made | {GONE_BEFORE.get(self.name)}
        rows = [product(key, number) for key, number in known.items() if key not in gone]
        locale = self.seeded("locale", "code", "de-DE")
        self.sync([
            ("tax", [{"id": TAX, "name": "Standard", "taxRate": 19}]),
            ("language", [{"id": GERMAN, "name": "Deutsch", "localeId": locale}]),
            ("sales_channel", [{"id": CHANNEL, "name": "Storefront"}]),
            ("product", rows)])
        self.prepare_media()
        self.prepare_order()
        for name in BEFORE.get(self.name, ()):
            sent = read(RECORDED / f"{name}.json")["request"]
            answer = self.client.open(sent["path"], method=sent["method"], json=sent["body"],
                                      headers=self.headers())
            assert answer.status_code < 300, answer.get_json()
        if self.expected["status"] == 429:
            for _ in range(10):
                self.client.post("/api/oauth/token", json=THROTTLED_USER.get(self.name, {}))

    def earlier_batch(self) -> dict[str, str]:
        if self.name != "batch_100_update":
            return {}
        rows = sent_rows(read(RECORDED / "batch_100_create.json")["request"]["body"])
        return {row["id"]: row["productNumber"] for row in rows}

    def prepare_media(self) -> None:
        if self.name == "media_create_204":
            return
        self.sync([("media", [{"id": PICTURE}, {"id": EMPTY_MEDIA}])])
        if self.name != "media_upload_binary_204":
            path = f"/api/_action/media/{PICTURE}/upload?extension=png&fileName=img-424707"
            self.client.post(path, data=self.picture(), content_type="image/png",
                             headers=self.headers())

    def picture(self) -> bytes:
        text = read(RECORDED / "media_upload_binary_204.json")["request"]["body"]
        return ast.literal_eval(text)

    def prepare_order(self) -> None:
        if not self.name.startswith(("order_", "delivery_", "transaction_")):
            return
        placed = self.client.post("/_sandbox/orders", json=ORDER)
        assert placed.status_code == 200, placed.get_json()

    def seeded(self, entity: str, field: str, value: str) -> str:
        found = self.client.post(f"/api/search-ids/{entity}", headers=self.headers(), json={
            "filter": [{"type": "equals", "field": field, "value": value}]})
        return found.get_json()["data"][0]

    def sync(self, entities: list[tuple[str, list[dict]]]) -> None:
        body = [{"entity": name, "action": "upsert", "payload": rows} for name, rows in entities]
        answer = self.client.post("/api/_action/sync", json=body, headers=self.headers())
        assert answer.status_code == 200, answer.get_json()

    def headers(self) -> dict[str, str]:
        return {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}

    def send(self):
        headers = dict(self.request["headers"])
        if headers.get("Authorization", "").startswith("Bearer eyJ"):
            headers["Authorization"] = f"Bearer {self.recorded_token()}"
        if self.name == "auth_token_expired":
            self.clock.now += 601
        return self.client.open(self.request["path"], method=self.request["method"],
                                base_url=HOST, data=self.body(), headers=headers)

    def recorded_token(self) -> str:
        if self.name == "auth_token_tampered":
            head, payload, signature = self.token.split(".")
            return f"{head}.{payload}.{signature[::-1]}"
        return self.token

    def body(self) -> bytes | str | None:
        body = self.request["body"]
        if isinstance(body, str):
            return ast.literal_eval(body) if body.startswith("b'") else body
        if isinstance(body, dict) and body.get("client_secret") == "integration-secret":
            names = ("client_id", "client_secret")
            body = {**body, **{name: self.credentials[name] for name in names}}
        return None if body is None else json.dumps(body)


def shape(status: int, body: object, has_location: bool) -> dict:
    """What of an answer has to agree."""
    found = {"status": status, "location": has_location, "body": _keys(body)}
    if not isinstance(body, dict):
        return found
    found["errors"] = [_problem(one) for one in body.get("errors", [])]
    found["data"] = _data(body.get("data"))
    found["state"] = body.get("name"), body.get("technicalName")
    found["transitions"] = body.get("transitions")
    for name in ("notFound", "deleted"):
        found[name] = _keys(body.get(name)) - INDEXER_ROWS
    return found


def _problem(entry: dict) -> dict:
    """An error with its words; ids of rows that another shop has are left out."""
    said = {name: entry[name] for name in entry if name != "meta"}
    parameters = (entry.get("meta") or {}).get("parameters")
    return json.loads(ID.sub("...", json.dumps({**said, "parameters": parameters})))


def _data(data: object) -> object:
    if isinstance(data, list):
        return len(data), _row(data[0]) if data else set()
    return _row(data)


def _row(row: object) -> object:
    """The members of a row, and those of the rows within."""
    if isinstance(row, dict) and row:  # an empty map may be written as an empty list
        return {name: None if name in UNCOMPARED else _row(value) for name, value in row.items()}
    if isinstance(row, list) and row:
        return [_row(row[0])]
    return None


def _keys(value: object) -> set:
    return set(value) if isinstance(value, dict) else set()


def compared(path: Path) -> tuple[dict, dict]:
    """What was recorded and what the sandbox says."""
    replay = Replay(path)
    answer = replay.send()
    expected = replay.expected
    named = any(name.lower() == "location" for name, _ in expected["headers"])
    return (shape(expected["status"], expected["body"] or None, named),
            shape(answer.status_code, answer.get_json(silent=True, force=True),
                  "Location" in answer.headers))


needs_recordings = pytest.mark.skipif(
    not FILES, reason="the recordings of a real shop are not beside this repository")


@needs_recordings
@pytest.mark.parametrize("path", [one for one in FILES if one.stem not in DIFFERENCES],
                         ids=lambda path: path.stem)
def test_the_sandbox_answers_as_the_real_shop_did(path: Path) -> None:
    recorded, answered = compared(path)

    assert answered == recorded


@needs_recordings
@pytest.mark.parametrize("name", sorted(DIFFERENCES))
def test_a_listed_difference_is_still_one(name: str) -> None:
    recorded, answered = compared(RECORDED / f"{name}.json")

    assert answered != recorded


@needs_recordings
def test_a_deadlock_looks_as_it_did_under_four_parallel_writers() -> None:
    recorded = read(RECORDED / "_parallel_sync.json")
    replay = Replay(RECORDED / "batch_queue_indexing.json")
    replay.client.post("/_sandbox/faults", json={"kind": "deadlock"})

    answer = replay.send()

    status, text = recorded["first_errors"][0]
    problem = answer.get_json()["errors"][0]
    assert answer.status_code == status
    assert f'"code": "{problem["code"]}", "status": "{problem["status"]}"' in text
