"""What the kit says of connectors that break one promise each.

All but the last ones are the connector of docs/connectors.md with a few words changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import flask
import pytest

from integration.connectors import memory
from integration.connectors.memory import MemoryConnector
from tests.conformance.examined import (
    direct_report,
    direct_stand,
    module_of,
    report_of,
    served,
)
from tests.conformance.myshop import KEY, MyShop, Row
from vario_relay import Document, ListingView, Payload, PriceDocument, Receipt, Rejected, Topic
from vario_relay.testing import CASES
from vario_relay.testing.running import run

SOURCE = Path(__file__).with_name("myshop_relay.py").read_text(encoding="utf-8")

#: Troubles whose error has to say that nobody knows what the shop did.
NO_ANSWER = ("timeout-before", "timeout-after", "cut-body", "closed")
#: Cases that spoil what is sent.
SPOILT = ("partial-failure", "whole-batch", "bent-value", "unknown-field")
TROUBLES = ("429-retry-after", "429-bare", "5xx", "half-applied", "html", *NO_ANSWER)


class EasyShop(MyShop):
    """Takes a number twice."""

    def _trouble(self, product_id: str, values: Row) -> str | None:
        said = super()._trouble(product_id, values)
        return None if said == "number taken" else said


class TokenShop(MyShop):
    """Gives a token for its key, and takes nothing else for anything."""

    tokens = 0

    def app(self) -> flask.Flask:
        app = flask.Flask("tokenshop")
        app.before_request(self.refuse)
        app.post("/token")(self.token)
        app.get("/products")(self.shown)
        app.post("/rows")(self.written)
        return app

    def token(self) -> Any:
        if flask.request.headers.get("X-Key") != KEY:
            return "who are you?", 401
        self.tokens += 1
        return {"token": f"token-of-the-shop-{self.tokens}", "life_s": 600}

    def refuse(self) -> tuple[str, int] | None:
        given = flask.request.headers.get("X-Token", "")
        is_open = flask.request.path == "/token"
        return None if is_open or given.startswith("token-of-the-shop-") else ("who are you?", 401)


class StrictShop(MyShop):
    """Refuses a batch with a field that it does not know."""

    def written(self) -> Any:
        known = {"id", "only", "number", "name", "active", "gross", "stock"}
        if any(set(row) - known for row in flask.request.get_json()):
            return {"message": "unknown field"}, 400
        return super().written()


@dataclass(frozen=True)
class Broken:
    """`edits` are texts of the connector and what stands there instead; `red` the cases that
    have to tell."""

    what: str
    edits: Sequence[tuple[str, str]]
    red: Sequence[str]
    shop: type[MyShop] = MyShop
    #: Whether only a shop with a server tells.
    needs_server: bool = False


NOT_SEARCHED = (
    "if len(rows) == 1:\n                return {rows[0].position: error}",
    "return {row.position: error for row in rows}",
)

#: Makes the connector TokenShop's: what is refused is tried once more with a new token.
WITH_TOKEN = (
    ("from vario_relay import (", "from vario_relay import (\n    CredentialsRefused,"),
    ("        not_after = self._context.before_write()\n", ""),
    ("writes=True, not_after=not_after, data=body", "writes=True, data=body"),
    ('headers = {"X-Key"', 'headers = {"X-Token": token, "X-Key"'),
    (
        "    def _ask(self, method, path, *, writes=False, **kwargs):\n",
        """\
    def _ask(self, method, path, *, writes=False, **kwargs):
        tokens = self._context.tokens
        token = tokens.get(self._new_token)
        try:
            return self._sent(token, method, path, writes=writes, **kwargs)
        except CredentialsRefused:
            tokens.drop(token)
        again = tokens.get(self._new_token)
        return self._sent(again, method, path, writes=writes, **kwargs)

    def _new_token(self):
        given = self._sent("", "POST", "/token")
        return given["token"], given["life_s"]

    def _sent(self, token, method, path, *, writes=False, **kwargs):
        if writes:
            kwargs["not_after"] = self._context.before_write()
""",
    ),
)
ANSWER = 'said = self._ask("POST", "/rows", writes=True, not_after=not_after, data=body)'
#: Waits by a function `wait`, which whoever uses it has to put into the module.
WAITS = (
    "        except Rejected as error:",
    "        except Throttled as error:\n            wait(error.retry_after_s)\n"
    f"            not_after = self._context.before_write()\n            {ANSWER}\n"
    "        except Rejected as error:",
)
BENT = 'error=Rejected(f"{number}: {words}")'

BROKEN = (
    Broken("nothing", [], []),
    Broken("nothing, and the shop takes a number twice", [], [], EasyShop),
    Broken("nothing, and the shop refuses batches with unknown fields", [], [], StrictShop),
    Broken(
        "numbers are not looked up",
        [("there = self.lookup(new) if new else {}", "there = {}")],
        ["foreign-product"],
    ),
    Broken(
        "each create has an id of its own",
        [
            ("there = self.lookup(new) if new else {}", "there = {}"),
            ("from decimal import Decimal", "from decimal import Decimal\nfrom uuid import uuid4"),
            ("own = f\"vario-{payload['article_id']}\"", "own = str(uuid4())"),
        ],
        [
            "duplicate-push",
            "foreign-product",
            "5xx",  # the one that came after the write
            "timeout-after",
            "half-applied",
            "cut-body",
            "html",
            "closed",
            "vanished",  # its number is still there
        ],
        EasyShop,
    ),
    Broken(
        "it does not say that a product was there before",
        [("was_adopted=row.was_adopted", "was_adopted=False")],
        ["foreign-product"],
    ),
    Broken(
        "it writes the price of a product that was there with its article",
        [('if payload["number"] in there:', "if False:")],
        ["foreign-product"],
    ),
    Broken(
        "two articles of a batch may have one number",
        [("rows = rows_of(topic, payloads", "rows = rows_of(Topic.STOCK, payloads")],
        ["same-number"],
        EasyShop,
    ),
    Broken(
        "a status of 200 is enough",
        [
            ("            found = None\n", "            found = {}\n"),
            (
                'error=TransientError("the shop did not name the row", True)',
                'external_id=row.values["id"], recorded=row.recorded',
            ),
        ],
        ["html"],
    ),
    Broken(
        "what the shop shows back is not read",
        [('shown = said["product"]', "shown = {}")],
        ["bent-value"],
    ),
    Broken(
        "it is read after creates alone",
        [('shown = said["product"]', 'shown = said["product"] if "number" in row.values else {}')],
        ["bent-value"],
    ),
    Broken(
        "a bent value is tried for ever",
        [(BENT, "error=TransientError(words)")],
        ["bent-value"],
    ),
    Broken(
        "a bent value waits for a person",
        [
            ("from vario_relay import (", "from vario_relay import (\n    Held,"),
            (BENT, 'error=Held("bent", words)'),
        ],
        ["bent-value"],
    ),
    Broken(
        "a bent value is refused without a word of it",
        [(BENT, "error=Rejected(number)")],
        ["bent-value"],
    ),
    Broken(
        "or without what was sent",
        [
            (
                'f"{one}: sent {row.values[one]}, it has {shown[one]}"',
                'f"{one}: it has {shown[one]}"',
            )
        ],
        ["bent-value"],
    ),
    Broken(
        "or without what the shop made of it",
        [
            (
                'f"{one}: sent {row.values[one]}, it has {shown[one]}"',
                'f"{one}: not {row.values[one]}"',
            )
        ],
        ["bent-value"],
    ),
    Broken(
        "a missing answer means that nothing was written",
        [("session, method, url, writes=writes, headers", "session, method, url, headers")],
        NO_ANSWER,
    ),
    Broken(
        "a 5xx means that nothing was written",
        [("raise TransientError(words, outcome_unknown=writes)", "raise TransientError(words)")],
        ["5xx", "half-applied"],
    ),
    Broken(
        "failed rows count as accepted",
        [
            (
                "            if not is_part or isinstance(error, Throttled):\n"
                "                raise\n"
                "            return {row.position: error for row in rows}\n",
                '            yes = {"says": "ok", "product": {}}\n'
                "            return {row.position: yes for row in rows}\n",
            )
        ],
        TROUBLES,
    ),
    Broken(
        "the shop's pause is not kept",
        [("DEFAULT_PAUSE_S if told_s is None else told_s", "1.0")],
        ["429-retry-after"],
    ),
    Broken(
        "what fails for a time is sent again at once",
        [
            (
                "answer = send(self._context.session, method, url, writes=writes, headers=headers, "
                "**kwargs)\n",
                "for _ in range(3):\n"
                "            answer = send(self._context.session, method, url, writes=writes, "
                "headers=headers, **kwargs)\n"
                "            if answer.status_code != 429 and answer.status_code < 500:\n"
                "                break\n",
            )
        ],
        ["429-retry-after", "429-bare", "5xx", "half-applied"],
    ),
    Broken(
        "what the shop asks a pause for is announced and sent again at once",
        [(WAITS[0], WAITS[1].replace("wait(error.retry_after_s)", "pass"))],
        ["429-retry-after", "429-bare"],
    ),
    Broken(
        "no answer is asked for again at once",
        [
            (
                ANSWER,
                "try:\n                said = self._ask(\n"
                '                    "POST", "/rows", writes=True, not_after=not_after, data=body\n'
                "                )\n            except TransientError:\n                " + ANSWER,
            )
        ],
        TROUBLES,
    ),
    Broken(
        "a pause is taken for a failure",
        [("raise Throttled(words, ", "raise TransientError(words) if 1 else (")],
        ["429-retry-after", "429-bare"],
    ),
    Broken(
        "a refused key is the row's fault",
        [("raise error_for(answer.status_code)(words)", "raise Rejected(words)")],
        ["401"],
    ),
    Broken("nothing, and the shop wants tokens", WITH_TOKEN, [], TokenShop),
    Broken(
        "a dead token is never dropped",
        [*WITH_TOKEN, ("            tokens.drop(token)\n", "            pass\n")],
        ["401"],
        TokenShop,
    ),
    Broken(
        "or never renewed",
        [*WITH_TOKEN, ("        except CredentialsRefused:\n", "        except ValueError:\n")],
        ["401"],
        TokenShop,
    ),
    Broken(
        "or renewed without asking before the write",
        [
            *WITH_TOKEN,
            ("(again, method, path, writes=writes, ", "(again, method, path, writes=False, "),
        ],
        ["401"],
        TokenShop,
    ),
    Broken(
        "each request has a token of its own",
        [
            *WITH_TOKEN,
            (
                "        token = tokens.get(self._new_token)\n",
                "        tokens.drop(tokens.get(self._new_token))\n"
                "        token = tokens.get(self._new_token)\n",
            ),
        ],
        ["401"],
        TokenShop,
    ),
    Broken(
        "which is not the channel's",
        [
            *WITH_TOKEN,
            ("token = tokens.get(self._new_token)", "token, _ = self._new_token()"),
            ("again = tokens.get(self._new_token)", "again, _ = self._new_token()"),
        ],
        ["401"],
        TokenShop,
    ),
    Broken(
        "or is and holds the channel when it is refused",
        [
            *WITH_TOKEN,
            ("token = tokens.get(self._new_token)", "token, _ = self._new_token()"),
            ("except CredentialsRefused:", "except ValueError:"),
        ],
        ["401"],
        TokenShop,
    ),
    Broken(
        "a page instead of an answer holds the channel",
        [
            ("from vario_relay import (", "from vario_relay import (\n    ChannelError,"),
            (
                'raise TransientError(f"{words} without its JSON", outcome_unknown=writes)',
                "raise ChannelError(words)",
            ),
        ],
        ["html"],
    ),
    Broken(
        "a refused batch is not searched for the row at fault",
        [
            NOT_SEARCHED,
        ],
        ["whole-batch"],
    ),
    Broken(
        "so that a field which the shop does not know is everybody's trouble",
        [
            NOT_SEARCHED,
        ],
        ["whole-batch", "unknown-field"],
        StrictShop,
    ),
    Broken(
        "one bad row is everybody's",
        [
            (
                'if said["says"] != "ok":',
                'if said["says"].startswith("name"):\n        raise Rejected(number)\n'
                '    if said["says"] != "ok":',
            )
        ],
        ["partial-failure"],
    ),
    Broken(
        "a refused row is tried for ever",
        [("error=Rejected(f\"{number}: {said['says']}\")", "error=TransientError(number)")],
        ["partial-failure"],
    ),
    Broken(
        "refused rows have no receipt",
        [
            (
                "for n, one in enumerate(payloads)\n        ]",
                "for n, one in enumerate(payloads) if n not in rows.error_by_position\n        ]",
            )
        ],
        ["same-number"],
    ),
    Broken(
        "a product that is gone is refused",
        [('if said["says"] == "no such product" and', "if False and")],
        ["vanished"],
    ),
    Broken(
        "if its article is changed",
        [
            (
                'if said["says"] == "no such product" and',
                'if "name" not in row.values and said["says"] == "no such product" and',
            )
        ],
        ["vanished"],
    ),
    Broken(
        "or its article makes half a product of it",
        [('"only": "change", ', "")],
        ["vanished"],
    ),
    Broken(
        "or its stock",
        [
            (
                'if said["says"] == "no such product" and',
                'if "stock" not in row.values and said["says"] == "no such product" and',
            )
        ],
        ["vanished"],
    ),
    Broken(
        "before_write is not called",
        [("self._context.before_write()", "None")],
        ["create", "claim-lost", *SPOILT, "401", *TROUBLES],
    ),
    Broken(
        "a lost claim is ignored",
        [
            ("from vario_relay import (", "from vario_relay import (\n    ClaimLost,"),
            (
                "        not_after = self._context.before_write()\n",
                "        try:\n            not_after = self._context.before_write()\n"
                "        except ClaimLost:\n            not_after = None\n",
            ),
        ],
        ["claim-lost"],
    ),
    Broken(
        "requests go past the session of the context",
        [
            ("from decimal import Decimal", "from decimal import Decimal\n\nimport requests"),
            ("send(self._context.session,", "send(requests.Session(),"),
        ],
        ["create", *SPOILT, "401", *TROUBLES],
        needs_server=True,
    ),
    Broken(
        "names are cut",
        [('"name": document.name,', '"name": document.name[:100],')],
        ["names"],
    ),
    Broken(
        "emoji are left out",
        [
            (
                '"name": document.name,',
                '"name": "".join(one for one in document.name if ord(one) < 0x10000),',
            )
        ],
        ["names"],
    ),
    Broken(
        "a stock has its limit",
        [('{"stock": document.quantity}', '{"stock": min(document.quantity, 999_999)}')],
        ["stocks"],
    ),
    Broken(
        "nothing, and huge stocks and emoji are refused in words",
        [
            (
                'return {"stock": document.quantity}',
                'if document.quantity > 999_999:\n            raise Invalid("too many")\n'
                '        return {"stock": document.quantity}',
            ),
            (
                'return {"number": document.number, "name"',
                'if max(document.name) > "\\uffff":\n            raise Invalid("emoji")\n'
                '        return {"number": document.number, "name"',
            ),
        ],
        [],
    ),
    Broken(
        "no stock is refused in words",
        [
            (
                'return {"stock": document.quantity}',
                'if not document.quantity:\n            raise Invalid("no stock")\n'
                '        return {"stock": document.quantity}',
            )
        ],
        ["stocks"],
    ),
    Broken(
        "umlauts are refused in words",
        [
            (
                'return {"number": document.number, "name"',
                'if "ä" in document.name:\n            raise Invalid("umlauts")\n'
                '        return {"number": document.number, "name"',
            )
        ],
        ["names"],
    ),
    Broken(
        "no stock is no news",
        [('{"stock": document.quantity}', '{"stock": document.quantity or 1}')],
        ["stocks"],
    ),
    Broken(
        "a change of the price does not arrive",
        [('{"gross": exact(document.gross)}', '{"gross": min(exact(document.gross), "11.9")}')],
        ["update", "vanished", "bent-value", "foreign-product"],
    ),
    Broken(
        "what is not offered stays for sale",
        [('return {"active": False}', 'return {"active": True}')],
        ["withdrawal"],
    ),
    Broken(
        "equal documents give bodies that differ",
        [
            ("from decimal import Decimal", "from decimal import Decimal\nfrom uuid import uuid4"),
            ('"active": document.is_active}', '"active": document.is_active, "run": str(uuid4())}'),
        ],
        ["no-change"],
    ),
    Broken(
        "payload asks the shop",
        [
            (
                "number = document.number if is_article",
                'self._ask("GET", "/key")\n        number = document.number if is_article',
            )
        ],
        [case.name for case in CASES if not case.name.endswith("-twice")],
    ),
)


@pytest.mark.parametrize("broken", BROKEN, ids=[one.what for one in BROKEN])
def test_exactly_the_cases_that_have_to_are_red(broken: Broken) -> None:
    platform, shop = edited(broken.edits).PLATFORM, broken.shop()
    if broken.needs_server:
        with served(shop) as parameters:
            report = report_of(platform, parameters)
    else:
        report = direct_report(platform, shop)

    assert sorted(report.red) == sorted(broken.red), "\n".join(report.lines())


def edited(edits: Sequence[tuple[str, str]]) -> ModuleType:
    source = SOURCE
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return module_of(source)


@pytest.mark.parametrize(("share", "red"), [(1.0, []), (0.9, ["429-retry-after"])])
def test_after_a_pause_that_was_kept_the_same_push_may_go_on(share: float, red: list[str]) -> None:
    now, module = [0.0], edited([WAITS])
    stand = direct_stand(module.PLATFORM, MyShop())
    stand.proxy.clock = lambda: now[0]

    def wait(seconds: float) -> None:
        now[0] += seconds * share

    module.wait = wait  # type: ignore[attr-defined]
    rows = [run(case, stand) for case in CASES if case.name.startswith("429")]

    assert [row.case for row in rows if row.verdict.is_red] == red, rows


class FetchesAlways(MemoryConnector):
    """Takes each image for a new one."""

    def _hash_of(self, known: dict[str, Any] | None, ref: str) -> str:
        return super()._hash_of(None, ref)


class ShipsAlways(MemoryConnector):
    """Makes a fulfilment of each delivery that comes."""

    made = count(1)

    def push(self, topic: Topic, payloads: Sequence[Payload], *, key: str) -> list[Receipt]:
        receipts = super().push(topic, payloads, key=key)
        if topic is not Topic.ORDER_STATUS:
            return receipts
        return [replace(one, external_id=f"fulfilment-{next(self.made)}") for one in receipts]


class KeepsGross(MemoryConnector):
    """Changes the net side of a price, and leaves the gross one as it was created."""

    def payload(self, document: Document, listing: ListingView) -> Payload:
        result = super().payload(document, listing)
        if isinstance(document, PriceDocument):
            result["body"]["gross"] = "11.9"
        return result


class ShowsNothing(MemoryConnector):
    """Refuses the images of a product that is gone."""

    def push(self, topic: Topic, payloads: Sequence[Payload], *, key: str) -> list[Receipt]:
        receipts = super().push(topic, payloads, key=key)
        if topic is not Topic.MEDIA:
            return receipts
        gone = Rejected("there is no such product")
        return [
            replace(one, has_vanished=False, error=gone) if one.has_vanished else one
            for one in receipts
        ]


@pytest.fixture
def _fresh_shops() -> Iterator[None]:
    yield
    memory.forget_shops()


IN_MEMORY = (
    (FetchesAlways, ["media-twice"]),
    (ShipsAlways, ["fulfilment-twice"]),
    (ShowsNothing, ["vanished"]),
    (KeepsGross, ["update", "vanished", "foreign-product"]),
)


@pytest.mark.usefixtures("_fresh_shops")
@pytest.mark.parametrize(("connector", "red"), IN_MEMORY)
def test_what_myshop_does_not_have_is_told(connector: type, red: list[str]) -> None:
    platform = replace(memory.PLATFORM, build=connector)

    assert report_of(platform, {}).red == red


def test_each_case_is_broken_by_somebody() -> None:
    broken = {name for one in BROKEN for name in one.red} | {
        name for _, red in IN_MEMORY for name in red
    }

    assert broken == {case.name for case in CASES}
