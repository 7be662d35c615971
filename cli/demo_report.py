"""What the demo counts and judges at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.table import Table

from cli.demo_stage import Stage
from sandbox import comparison
from sandbox.comparison import Verdict

SHOWN_DIFFERENCES = 10


@dataclass
class Figures:
    """What happened while the edits travelled; the rest is asked of the sandboxes."""

    before: datetime
    edits: int = 0
    work_items: int = 0


def judge(stage: Stage) -> Verdict:
    """Compare every article with its product, over HTTP, by code that is not the product's."""
    verdict = comparison.compare(stage.erp_url, stage.shop_url)
    for difference in verdict.differences[:SHOWN_DIFFERENCES]:
        print(f"  differs: {difference}")
    return verdict


def show_table(stage: Stage, figures: Figures, verdict: Verdict, seconds: float) -> None:
    """One row per figure, counted at the sandboxes where they know it."""
    erp = stage.get(f"{stage.erp_url}/_sandbox/requests")
    shop = stage.get(f"{stage.shop_url}/_sandbox/requests")
    webhooks = stage.get(f"{stage.erp_url}/_sandbox/webhooks", limit=1)
    options = stage.get(f"{stage.erp_url}/_sandbox/options")
    table = Table("figure", "value")
    rows = {
        "articles in the ERP": verdict.articles,
        "edits": figures.edits,
        "webhooks sent by the ERP": webhooks["sent"],
        "work items after coalescing": figures.work_items,
        "requests to the ERP": erp["total"],
        "of these, product ids written back": sum(
            count for route, count in erp["by_route"].items() if route.startswith("PATCH ")
        ),
        "429s received": erp["by_status"].get("429", 0),
        "limit the ERP enforces": f"{options['rate_limit']} per {options['rate_window_s']} s",
        "requests to the shop": shop["total"],
        "seconds": f"{seconds:.1f}",
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    Console().print(table)
