"""What the shop holds of the kit's articles, as the connector shows it and as a sandbox says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import requests

from vario_relay import ArticleDocument, RemoteRecord, ShowsProducts, dumps, loads
from vario_relay.testing.stand import Sent, Stand
from vario_relay.testing.verdicts import Duplicated, Lost, Wrong

#: All that a record may tell.
FIELDS = ("name", "is_active", "net", "gross", "stock")
_TIMEOUT_S = 45

#: Records by number; several of one number are duplicates.
Holdings = Mapping[str, Sequence[RemoteRecord]]


def holdings(stand: Stand) -> Holdings:
    """The kit's products in the shop. A sandbox's own word counts; `scan` has to say the same."""
    scanned = stand.patiently(lambda: _by_number(stand, stand.connector().scan(FIELDS)))
    if stand.target.state_url is None:
        return scanned
    stated = _by_number(stand, _stated(stand.target.state_url))
    for number in {*scanned, *stated}:
        seen = sorted(one.external_id for one in scanned.get(number, ()))
        there = sorted(one.external_id for one in stated.get(number, ()))
        if seen != there:
            raise Wrong(f"scan shows of {number} the products {seen}, the shop holds {there}")
    return stated


def judge(stand: Stand, articles: Sequence[ArticleDocument], sent: Sent) -> None:
    """Each article was accepted, and the shop holds it once and as it is.

    Raises: Duplicated, Wrong, Lost with the first that is not so.
    """
    shop = holdings(stand)
    for article in articles:
        found = shop.get(article.number, ())
        if len(found) > 1:
            raise Duplicated(f"the shop has {article.number} {len(found)} times")
        if (error := sent.error_of(article)) is not None:
            raise Wrong(f"{article.number} is not accepted: {error}")
        if not found:
            raise Lost(f"{article.number} is accepted, and the shop does not have it")
        _compare(stand, article, found[0])
    _compare_shown(stand, articles)


def _compare(stand: Stand, article: ArticleDocument, record: RemoteRecord) -> None:
    known = stand.listings[article.article_id].external_id
    if record.external_id != known:
        raise Wrong(f"{article.number} is product {record.external_id}, its receipt says {known}")
    if wrong := differences(article, record):
        raise Wrong(f"{article.number} in the shop: {'; '.join(wrong)}")


def _compare_shown(stand: Stand, articles: Sequence[ArticleDocument]) -> None:
    connector = stand.connector()
    if not isinstance(connector, ShowsProducts) or not articles:
        return
    ids = [str(stand.listings[one.article_id].external_id) for one in articles]
    found = stand.patiently(partial(connector.show, ids))
    shown = {one.external_id: one for one in found}
    for article, external_id in zip(articles, ids, strict=True):
        if external_id not in shown:
            raise Wrong(f"show does not show product {external_id}, which is there")
        if wrong := differences(article, shown[external_id]):
            raise Wrong(f"show says of {article.number}: {'; '.join(wrong)}")


def differences(article: ArticleDocument, record: RemoteRecord) -> list[str]:
    """What the shop shows otherwise; what it does not tell is no difference."""
    price = article.price
    return [
        f"{name} is {_short(shown)} instead of {_short(wanted)}"
        for name, wanted, shown in (
            ("name", article.name, record.name),
            ("active", article.is_active, record.is_active),
            ("stock", article.stock and article.stock.quantity, record.stock),
            # Each side that it keeps; of the other one it tells nothing.
            ("net", price and price.net, record.net),
            ("gross", price and price.gross, record.gross),
        )
        if shown is not None and shown != wanted
    ]


def _by_number(stand: Stand, records: Iterator[RemoteRecord]) -> dict[str, list[RemoteRecord]]:
    found: dict[str, list[RemoteRecord]] = {}
    for one in records:
        if one.number.startswith(stand.goods.prefix):
            found.setdefault(one.number, []).append(one)
    return found


def _stated(url: str) -> Iterator[RemoteRecord]:
    for row in state_rows(url):
        kept = row.get("kept")
        yield RemoteRecord(
            external_id=str(row["id"]),
            number=str(row["number"]),
            name=row.get("name"),
            is_active=row.get("active"),
            # The other side follows the shop's tax and is not ours.
            net=_amount(row.get("net")) if kept in (None, "net") else None,
            gross=_amount(row.get("gross")) if kept in (None, "gross") else None,
            stock=row.get("stock"),
        )


def state_rows(url: str) -> list[Mapping[str, Any]]:
    """All products of a sandbox, also of one that knows no pages."""
    rows: dict[str, Mapping[str, Any]] = {}
    after = ""
    while True:
        page = ask_sandbox(url, "state", after=after, limit="500")["products"]
        new = {str(one["id"]): one for one in page if str(one["id"]) not in rows}
        if not new:
            return list(rows.values())
        rows.update(new)
        after = list(new)[-1]


def kept_files(stand: Stand) -> int | None:
    """How many files of the run a sandbox still has; None if nobody tells."""
    if stand.target.state_url is None:
        return None
    try:
        files = ask_sandbox(stand.target.state_url, "media")["media"]
    except requests.HTTPError:
        return None  # it shows no files
    return sum(stand.goods.prefix.lower() in dumps(one).lower() for one in files)


def ask_sandbox(url: str, route: str, **query: str) -> Any:
    """The JSON of one of a sandbox's own routes, not through the proxy."""
    given = {name: value for name, value in query.items() if value}
    response = requests.get(f"{url.rstrip('/')}/_sandbox/{route}", params=given, timeout=_TIMEOUT_S)
    response.raise_for_status()
    return loads(response.content)


def _amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _short(value: object) -> str:
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
