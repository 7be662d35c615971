"""One change on its way, in ten short lines: each read where it really was."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from cli.demo_processes import DemoFailed
from cli.demo_stage import CHANNEL, Stage
from integration import channels, wire
from integration.channel_view import ChannelView
from integration.erp import catalogue
from integration.erp.articles import statement
from integration.erp.plans import FETCH_BY_TOPIC
from integration.models import Listing, WorkItem
from integration.topics import DOCUMENT_BY_TOPIC
from integration.topology import Topic

WIDTH = 150
HEX_DIGITS = 32


def tell(stage: Stage) -> None:
    """Change one price in the ERP and show every station up to the shop."""
    article, new_gross = _choose(stage)
    edit = {"article": article["id"], "set": {"gross": float(new_gross)}}
    stage.post(f"{stage.erp_url}/_sandbox/edit", edit)
    stage.wait_until_idle()
    print(f"one change on its way: article {article['number']} now costs {new_gross}")
    with stage.runtime.scope() as session:
        channel_id = channels.find(session, CHANNEL).id
        item = session.scalars(
            select(WorkItem).where(
                WorkItem.channel_id == channel_id,
                WorkItem.topic == Topic.PRICE.value,
                WorkItem.entity_id == article["id"],
            )
        ).one()
        listing = session.get_one(Listing, (channel_id, article["id"]))
    channel = stage.runtime.channel(channel_id)
    row, query = _asked_of_erp(stage, channel, article["id"])
    write = _last_write(stage, article["number"])
    _line(1, "webhook", _webhook(stage, article["id"]))
    _line(2, "work item", f"{item.topic} {item.entity_id}, generation {item.generation}")
    _line(3, "VQL statement", " ".join(query.split()))
    _line(4, "ERP row", wire.dumps(row))
    _line(5, "document", DOCUMENT_BY_TOPIC[Topic.PRICE](row, channel))
    _line(6, "shop request", json.dumps(write))
    _line(7, "receipt", f"the shop named product {listing.external_id}")
    _line(8, "content hash", f"{item.pushed_hash} at {item.pushed_at}")
    _line(9, "work item", f"{item.state}, attempts {item.attempts}")
    _line(10, "in the shop", _product(stage, listing.external_id))


def _choose(stage: Stage) -> tuple[dict[str, Any], Decimal]:
    """The first article that is for sale, and a new price for it."""
    for article in stage.get(f"{stage.erp_url}/_sandbox/state", limit=500)["articles"]:
        if article["listed"] and article["active"] and article["gross"]:
            return article, Decimal(str(article["gross"])) + 1
    raise DemoFailed("the catalogue has no article that is for sale")


def _asked_of_erp(stage: Stage, channel: ChannelView, article_id: str) -> tuple[Any, str]:
    client = stage.runtime.erp(channel.tenant_id)
    facts = stage.runtime.erp_facts(channel.tenant_id)
    row = FETCH_BY_TOPIC[Topic.PRICE](client, facts, channel, [article_id])[article_id]
    plan = catalogue.plan(Topic.PRICE, catalogue.discover(client, facts))
    return row, statement(plan, channel.erp_id, [article_id])


def _webhook(stage: Stage, article_id: str) -> str:
    recent = stage.get(f"{stage.erp_url}/_sandbox/webhooks", limit=200)["deliveries"]
    for one in recent:
        if str(one["body"].get("articleId")) == article_id and "price" in one["queue"]:
            return f"{one['queue']} {json.dumps(one['body'])} answered {one['response']}"
    raise DemoFailed(f"the ERP sent no webhook about article {article_id}")


def _last_write(stage: Stage, number: str) -> Any:
    writes = stage.get(f"{stage.shop_url}/_sandbox/history", number=number)["writes"]
    if not writes:
        raise DemoFailed(f"the shop was never written for number {number}")
    return writes[-1]


def _product(stage: Stage, external_id: str) -> str:
    products = stage.get(f"{stage.shop_url}/_sandbox/state", after=_before(external_id), limit=1)
    product = products["products"][0]
    return ", ".join(f"{key} {product[key]}" for key in ("number", "gross", "net", "stock"))


def _before(external_id: str) -> str:
    """The greatest id below this one, 32 hex digits or a number: the state is read after an id."""
    if len(external_id) == HEX_DIGITS:
        return f"{int(external_id, 16) - 1:032x}"
    return str(int(external_id) - 1)


def _line(number: int, station: str, text: object) -> None:
    shown = str(text)
    shown = shown if len(shown) <= WIDTH else shown[: WIDTH - 1] + "…"
    print(f"  {number:2}  {station:13} {shown}")
