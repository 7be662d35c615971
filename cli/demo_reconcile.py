"""Is everything in the shop, and if not, why? Asked by the commands that answer it."""

from __future__ import annotations

from typing import Any

from cli.demo_processes import DemoFailed
from cli.demo_stage import CHANNEL, Stage

#: What an employee of the shop makes of a price.
EDITED_GROSS = 0.01


def reconcile(stage: Stage) -> None:
    """A plan that is empty; an edit in the shop planned and applied; an article explained that is
    rightly not there."""
    run = stage.processes.run
    run("reconcile", CHANNEL, "--plan", "--fail-on-drift")
    articles = stage.get(f"{stage.erp_url}/_sandbox/state", limit=500)["articles"]
    sold = next((one for one in articles if _is_sold(one)), None)
    if sold is None:
        raise DemoFailed("the catalogue has no article that is for sale")
    print(f"somebody in the shop lets article {sold['number']} go for {EDITED_GROSS}", flush=True)
    edit = {"article": sold["number"], "set": {"gross": EDITED_GROSS}}
    stage.post(f"{stage.shop_url}/_sandbox/edit", edit)
    run("reconcile", CHANNEL, "--plan", "--topic", "price")
    run("reconcile", CHANNEL, "--apply")
    absent = next((one for one in articles if not one["listed"]), None)
    if absent is not None:
        run("explain", CHANNEL, str(absent["number"]))


def _is_sold(article: dict[str, Any]) -> bool:
    return bool(article["listed"] and article["active"] and article["gross"])
