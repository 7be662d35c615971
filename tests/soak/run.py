"""One soak: a tenant with an eventful life, edits all the time, an ERP that fails now and then."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import requests
from sqlalchemy import select

from integration.models import SalesChannel
from tests.chaos.editor import Editor
from tests.chaos.run import (
    Say,
    evidence,
    left_to_do,
    products_twice,
    settle_down,
    webhook_counts,
    wrong_ids,
)
from tests.chaos.shops import SHOPWARE6
from tests.chaos.world import World, world
from tests.soak import reinstalling
from tests.soak.life import Life
from tests.soak.short_waits import ShortWaits

ARTICLES = 40
#: A share of the ERP's answers, over all kinds.
FAULTY = 0.02
KINDS = ("500", "502", "503", "504", "html", "html-502", "cut-body", "429", "429-date", "slow")
SLOW_S = 1.0
#: The sales channel that is there from the beginning to the end.
FIRST_SHOP = 42
#: What the ERP answers by no other reason here, so that it can be counted.
INJECTED = ("429", "500", "502", "504")
#: Access tokens last a minute, in a short run less.
TOKEN_S, SHORT_TOKEN_S = 60.0, 5.0
SHORT_RUN_S = 300.0
TOKEN_ROUTE = "POST /realms/{realm}/protocol/openid-connect/token"


@dataclass
class Report:
    """What a soak saw; `wrong` is empty when everything held."""

    seed: int
    mode: str
    articles: int = 0
    edits: int = 0
    webhooks: int = 0
    requests: int = 0
    faults: int = 0
    tokens: int = 0
    events: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def line(self) -> str:
        verdict = "FAILED" if self.wrong else "OK"
        events = " ".join(
            f"{name.replace(' ', '-')}={n}" for name, n in sorted(self.events.items())
        )
        return (
            f"soak: {verdict} mode={self.mode} seed={self.seed} articles={self.articles}"
            f" edits={self.edits} webhooks={self.webhooks} erp_requests={self.requests}"
            f" faults={self.faults} tokens={self.tokens} {events} took={self.took_s:.0f}s"
        )


def run(seed: int, seconds: float, mode: str, say: Say = print) -> Report:
    """Live for so long and judge what is left; never raises for what the product did wrong."""
    report, began = Report(seed, mode), time.monotonic()
    say(f"soak: mode={mode} seed={seed} seconds={seconds:g}")
    with world(seed, mode, SHOPWARE6, ARTICLES) as where:
        where.erp("options", access_token_s=TOKEN_S if seconds > SHORT_RUN_S else SHORT_TOKEN_S)
        where.begin_sync()
        fail_now_and_then(where)
        editor, life = Editor(where, seed), Life(where, seed, say)
        with ShortWaits(where):
            editor.start()
            life.start()
            threading.Event().wait(seconds)
            try:
                editor.stop()
            finally:
                life.stop()
            settle_down(where, say, "soak")
        judge(report, where, editor, life)
        report.took_s = time.monotonic() - began
        for line in report.wrong:
            say(f"soak: WRONG {line}")
        if report.wrong:
            say(evidence(where, editor, report.wrong[0]))
    say(report.line())
    return report


def fail_now_and_then(where: World) -> None:
    for kind in KINDS:
        more = {"seconds": SLOW_S} if kind == "slow" else {}
        where.fault("erp", kind, share=FAULTY / len(KINDS), **more)


def judge(report: Report, where: World, editor: Editor, life: Life) -> None:
    """ERP and shop are the same, no work is left, and every channel that went is gone here too."""
    report.edits, report.events = editor.edits, life.events
    routes = where.requests_of("erp")
    report.requests, report.tokens = sum(routes.values()), routes.get(TOKEN_ROUTE, 0)
    report.faults = sum(where.answers_of("erp").get(status, 0) for status in INJECTED)
    report.webhooks = webhook_counts(where)["sent"]
    verdict = where.verdict()
    report.articles = verdict.articles
    report.wrong += verdict.differences + products_twice(where) + wrong_ids(where)
    url = f"{where.erp_url}/_sandbox/webhooks"
    deliveries = requests.get(url, {"limit": 1_000_000}, timeout=30).json()["deliveries"]
    report.wrong += left_to_do(where) + untaken(deliveries)
    if report.events[reinstalling.INSTALLED_AGAIN] and not reinstalling.catch_ups(where):
        report.wrong.append("nobody caught up after the app was installed again")
    report.wrong += [f"channel {one} is not deleted here" for one in left_over(where)]


def untaken(deliveries: Iterable[dict[str, Any]]) -> list[str]:
    """A sentence for each webhook that was not taken.

    What the ERP still says of a channel that it has deleted is refused with 404, again and again.
    """
    gone = re.compile(rf"\(sales-channel-id=(?!{FIRST_SHOP}\)).*\)")
    return [
        f"webhook {one['queue']} {one['state']} after {one['attempts']}: {one['response']}"
        for one in deliveries
        if one["state"] != "SENT" and not (one["response"] == "404" and gone.search(one["queue"]))
    ]


def left_over(where: World) -> list[str]:
    """Sales channels that the ERP has deleted and we still serve."""
    with where.runtime.scope() as session:
        return list(
            session.scalars(
                select(SalesChannel.erp_id).where(
                    SalesChannel.id != where.channel_id, SalesChannel.deleted_at.is_(None)
                )
            )
        )
