"""What has to be reached: every row of the table, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

#: How a value is written, by unit.
FORMAT_BY_UNIT: Mapping[str, Callable[[float], str]] = {
    "share": lambda value: f"{value:.1%}".replace("%", " %"),
    "times": lambda value: f"{value:,.2f} times" if value < 10 else f"{value:,.1f} times",
    "per s": lambda value: f"{value:,.0f} per s",
    "ms": lambda value: f"{value:,.1f} ms",
    "s": lambda value: f"{value:,.2f} s",
    "requests": lambda value: f"{value:,.0f} requests",
    "articles": lambda value: f"{value:,.0f} articles",
    "orders": lambda value: f"{value:,.0f} orders",
    "each": lambda value: f"{value:.3f} each",
}
TOPICS = ("article", "price", "stock")
#: Before the keys of the rows of the second platform.
WOOCOMMERCE = "woocommerce"
#: Processes of the worker that takes live changes.
PROCESSES = (1, 2, 4)
SIZES = (1_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Target:
    """One row. With neither bound it is for information; an aim is shown and never missed.

    `needs_many`: with the small numbers of a quick run it says nothing, as what comes once counts
    as much as what each item costs.
    """

    key: str
    group: str
    measure: str
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    is_aim: bool = False
    needs_many: bool = False

    @property
    def words(self) -> str:
        """The target as the table has it."""
        write = FORMAT_BY_UNIT[self.unit]
        if self.at_least is not None:
            return ("aim " if self.is_aim else ">= ") + _short(write(self.at_least))
        if self.at_most is not None:
            return ("<= " if self.at_most else "") + _short(write(self.at_most))
        return "-"

    def holds(self, value: float) -> bool | None:
        """Whether `value` reaches the target; None without one."""
        if self.at_least is not None:
            return value >= self.at_least
        if self.at_most is not None:
            return value <= self.at_most
        return None


def _short(text: str) -> str:
    number, _, unit = text.partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def _per_burst() -> list[Target]:
    """Requests per 1,000 articles changed in one burst."""
    rows = []
    for topic in TOPICS:
        name = f"1,000 changed articles, {topic}"
        rows += [
            Target(f"burst.{topic}.erp", "bursts", f"{name}: ERP", "requests", at_most=12),
            # 1,000 / bulk size 100 + 2
            Target(f"burst.{topic}.shop", "bursts", f"{name}: shop", "requests", at_most=12),
            Target(f"burst.{topic}.rest", "bursts", f"{name}: ERP, profile rest", "requests"),
        ]
    return rows


def _one_by_one() -> list[Target]:
    """What the shop takes one by one: a write for each, and a twentieth for all that is besides."""
    rows = []
    for key, group, name, unit in (
        ("file", "files", "1,000 articles with a new image, in one burst", "articles"),
        ("delivery", "deliveries", "200 deliveries of 200 orders, in one burst", "orders"),
    ):
        rows += [
            Target(
                f"burst.{key}.shop",
                group,
                f"{name}: shop writes",
                "each",
                at_most=1.05,
                needs_many=True,
            ),
            Target(f"burst.{key}.erp", group, f"{name}: ERP", "requests"),
            Target(f"burst.{key}.seconds", group, f"{name}: all told within", "s"),
            Target(f"burst.{key}.wrong", group, f"{name}: wrong or twice", unit, at_most=0),
        ]
    return rows


def _per_storm() -> list[Target]:
    """5,000 webhooks on 500 articles within 10 s."""
    rows = []
    for topic in TOPICS:
        name = f"5,000 webhooks on 500 articles, {topic}"
        rows += [
            Target(f"storm.{topic}.seconds", "storms", f"{name}: sent within", "s", at_most=10),
            Target(f"storm.{topic}.erp", "storms", f"{name}: ERP", "requests", at_most=20),
            Target(f"storm.{topic}.shop", "storms", f"{name}: shop", "requests", at_most=20),
            Target(f"storm.{topic}.wrong", "storms", f"{name}: wrong", "articles", at_most=0),
        ]
    return rows


def _on_woocommerce() -> list[Target]:
    """The same bursts, storms and full syncs with a WooCommerce shop.

    A batch of master data has 50 rows there: as many fetches, and 1,000 / 50 + 2 writes.
    """
    at_most = {"burst.article.erp": None, "burst.article.shop": 22}
    rows = []
    for one in (*_per_burst(), *_per_storm(), *_SYNC):
        if not one.key.endswith(".rest"):
            rows.append(
                replace(
                    one,
                    key=f"{WOOCOMMERCE}.{one.key}",
                    group=f"{WOOCOMMERCE}-sync" if one in _SYNC else WOOCOMMERCE,
                    measure=f"WooCommerce, {one.measure}",
                    at_most=at_most.get(one.key, one.at_most),
                )
            )
    return rows


def _engine() -> list[Target]:
    rows = []
    for count in PROCESSES:
        name = f"engine, {count} worker process{'es' if count > 1 else ''}"
        rows += [
            Target(
                f"engine.{count}.times",
                "engine",
                f"{name}: against a chain per entity",
                "times",
                at_least=20,
                needs_many=True,
            ),
            Target(
                f"engine.{count}.rate",
                "engine",
                f"{name}: entities",
                "per s",
                at_least=3_000,
                is_aim=True,
            ),
        ]
    return rows


_SYNC = [
    Target(
        "resync.skipped",
        "sync",
        "second full sync of an unchanged catalogue: pushes skipped",
        "share",
        at_least=0.99,
    ),
    Target(
        "sync.share",
        "sync",
        "initial sync: share of the limit",
        "share",
        at_least=0.80,
        needs_many=True,
    ),
]

_ALL = [
    Target(
        "ingest.share",
        "ingest",
        "webhooks accepted, durable: share of a bare route's rate",
        "share",
        at_least=0.70,
    ),
    Target("ingest.p99", "ingest", "their p99 at half of that rate", "ms", at_most=50),
    *_engine(),
    *_per_burst(),
    *_one_by_one(),
    *_per_storm(),
    Target("latency.idle.p50", "latency", "stock change -> shop, idle: p50", "s", at_most=2),
    Target("latency.idle.p99", "latency", "stock change -> shop, idle: p99", "s", at_most=5),
    Target(
        "latency.backfill.p99",
        "latency",
        "stock change -> shop, under a backfill of 10,000 articles: p99",
        "s",
        at_most=15,
    ),
    *_SYNC,
    Target(
        "sync.large.share",
        "sync-large",
        "initial sync of 100,000 articles: share of the limit",
        "share",
        at_least=0.80,
        needs_many=True,
    ),
    Target(
        "sync.dry-run.seconds",
        "sync-large",
        "dry run of 100,000 articles that the shop does not have",
        "s",
    ),
    Target(
        "media.seconds",
        "media",
        "images of 1,000 articles in the shop, two each: sent within",
        "s",
    ),
    Target(
        "media.shop",
        "media",
        "images of 1,000 articles in the shop, two each: shop writes per file",
        "each",
        at_most=1.05,
        needs_many=True,
    ),
    *_on_woocommerce(),
    Target(
        "reconcile.seconds",
        "reconcile",
        "100,000 articles compared with their shop, at a quarter of the ERP's budget",
        "s",
        at_most=900,
    ),
    Target(
        "reconcile.memory",
        "reconcile",
        "memory of that comparison: against one of 1,000 articles",
        "times",
        at_most=1.05,
    ),
    Target(
        "neighbours.p95",
        "neighbours",
        "p95 freshness of 18 channels beside a slow and a dead shop: of what is allowed",
        "share",
        at_most=1.0,
        needs_many=True,
    ),
    Target(
        "pacing.refused",
        "pacing",
        "ERP budget saturated by four processes: answers that are 429",
        "share",
        at_most=0.01,
    ),
    Target(
        "pacing.used", "pacing", "ERP budget saturated: share that is used", "share", at_least=0.90
    ),
    Target(
        "cost.postgres.large",
        "cost",
        "cost per item at 1,000,000 work items: against 1,000",
        "times",
        at_most=1.5,
    ),
    Target(
        "cost.postgres.medium",
        "cost",
        "cost per item at 100,000 work items: against 1,000",
        "times",
        at_most=1.5,
    ),
    Target("cost.sqlite.large", "cost", "the same on SQLite, at 1,000,000 work items", "times"),
    Target(
        "commands.slowest",
        "commands",
        "slowest operator command with 4,000,000 work items",
        "s",
        at_most=2,
    ),
    Target(
        "memory.growth",
        "memory",
        "memory of a warm worker over 100,000 items: against its start",
        "times",
        at_most=1.05,
    ),
]

TARGET_BY_KEY: Mapping[str, Target] = {one.key: one for one in _ALL}
GROUPS = tuple(dict.fromkeys(one.group for one in _ALL))
