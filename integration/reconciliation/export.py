"""A plan as JSON and as CSV, line by line, so that its size does not matter."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

from integration.models import Drift
from integration.reconciliation.plans import PlanView
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

COLUMNS = (
    "kind",
    "topic",
    "article",
    "number",
    "field",
    "old",
    "new",
    "edited",
    "product",
    "state",
    "outcome",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def item(line: Drift) -> dict[str, Any]:
    """One line of a plan as JSON. `edited`: the value was changed in the shop; `product` is the
    one that we know of."""
    return {
        "kind": line.kind,
        "topic": SHORT_NAME_BY_TOPIC[Topic(line.topic)],
        "article": line.article_id,
        "number": line.number,
        "field": line.field,
        "old": line.old,
        "new": line.new,
        "edited": line.is_edited,
        "product": line.external_id,
        "state": line.state.lower(),
        "outcome": line.outcome,
    }


def head(channel: str, plan: PlanView) -> dict[str, Any]:
    """A plan without its lines."""
    return {
        "channel": channel,
        "plan": plan.id,
        "counts": dict(plan.counts),
        "state": plan.state.value.lower(),
        "topics": list(plan.topics),
        "off_topics": list(plan.off_topics),
        "not_compared": list(plan.not_compared),
        "articles": plan.articles,
        "products": plan.products,
        "on_its_way": dict(plan.on_its_way),
        "left_out": dict(plan.left_out),
    }


def write_json(stream: TextIO, header: dict[str, Any], lines: Iterable[Drift]) -> None:
    """One JSON document: the header with the lines as `items`."""
    opened = json.dumps(header, ensure_ascii=False, indent=2).removesuffix("\n}")
    stream.write(f'{opened},\n  "items": [')
    comma = ""
    for line in lines:
        stream.write(f"{comma}\n    {json.dumps(item(line), ensure_ascii=False)}")
        comma = ","
    stream.write("\n  ]\n}\n" if comma else "]\n}\n")


def write_csv(stream: TextIO, lines: Iterable[Drift]) -> None:
    """A table with a header; see `harmless`."""
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for line in lines:
        cells = item(line)
        writer.writerow([harmless(cells[name]) for name in COLUMNS])


def harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula: names and numbers come from other people.

    What could be one gets an apostrophe before it, which spreadsheets do not show.
    """
    if value is None:
        return ""
    text = str(value)
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def write_files(
    folder: Path, header: dict[str, Any], read: Callable[[], Iterable[Drift]]
) -> tuple[Path, Path]:
    """The whole plan as JSON and as CSV, and where they are. `read` begins with its first line.

    Raises: OSError.
    """
    name = f"reconcile-{header['channel'].replace('/', '-')}-plan-{header['plan']}"
    as_json, as_csv = folder / f"{name}.json", folder / f"{name}.csv"
    with as_json.open("w", encoding="utf-8") as stream:
        write_json(stream, header, read())
    # With a mark that tells spreadsheets which characters these are.
    with as_csv.open("w", encoding="utf-8-sig", newline="") as stream:
        write_csv(stream, read())
    return as_json, as_csv
