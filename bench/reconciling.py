"""A whole catalogue compared with its shop: how long it takes, and how much memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert

from bench.results import Result
from bench.service import REAL_RATE, Bench, MeasuredService
from integration.models import Listing
from integration.topics.article import ean
from tests.acceptance.bursts import erp_requests

#: Products that are put into the shop with one request.
AT_ONCE = 500
FIELDS = ("number", "name", "description", "gross", "net", "tax_rate", "weight_kg")


@dataclass(frozen=True)
class Comparison:
    """One `vario-relay reconcile 42 --plan`."""

    seconds: float
    peak_mb: float
    articles: int
    drift: int
    requests: int


def measure(bench: Bench) -> list[Result]:
    """A small and a large catalogue, each in a process of its own; nothing has drifted."""
    small, large = bench.pick(1_000, 300), bench.pick(100_000, 1_500)
    few = _compared(bench, small)
    many = _compared(bench, large)
    told = (
        f"{many.articles:,} articles, {many.requests:,} ERP requests at a quarter of 30 per 6 s, "
        f"{many.drift} differences"
    )
    return [
        Result("reconcile.seconds", [many.seconds], note=told),
        Result(
            "reconcile.memory",
            [many.peak_mb / few.peak_mb],
            baseline=f"{few.peak_mb:.0f} MB for {small:,} articles",
            note=f"{many.peak_mb:.0f} MB for {many.articles:,}",
        ),
    ]


def _compared(bench: Bench, articles: int) -> Comparison:
    with bench.service(f"reconcile-{articles}", articles=articles) as service:
        service.erp("options", **REAL_RATE)
        _fill(service)
        service.forget_requests()
        done = service.command("reconcile", "42", "--plan", "--json")
        asked = erp_requests(service)
    found = json.loads(done.printed)
    drift = sum(found["counts"].values())
    return Comparison(done.seconds, done.peak_mb, found["articles"], drift, asked)


def _fill(service: MeasuredService) -> None:
    """Put into the shop what belongs there, and note it as ours, without a sync of an hour."""
    sold = [one for one in service.articles() if one["listed"] and one["active"] and one["gross"]]
    for start in range(0, len(sold), AT_ONCE):
        chunk = sold[start : start + AT_ONCE]
        rows = [
            {
                **{key: one[key] for key in FIELDS},
                "ean": ean(one["ean"]),
                "stock": _stock(one),
            }
            for one in chunk
        ]
        answer = service.shop("products", products=rows)
        made = {one["number"]: one["id"] for one in answer["products"]}
        _note(service, chunk, made)


def _stock(article: dict[str, Any]) -> int:
    return max(0, int(article["stock"] or 0))


def _note(service: MeasuredService, chunk: list[dict[str, Any]], made: dict[str, str]) -> None:
    with service.runtime.scope() as session:
        session.execute(
            insert(Listing),
            [
                {
                    "channel_id": service.channel_id,
                    "article_id": one["id"],
                    "external_id": made[one["number"]],
                    "number": one["number"],
                }
                for one in chunk
            ],
        )
