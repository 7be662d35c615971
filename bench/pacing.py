"""Four processes saturate one tenant's request budget: `python -m bench.pacing [SECONDS]`.

Two for live work and one for backfill ask as fast as they may; one writes product ids back, as the
service does. Against the sandboxed ERP, which enforces its 40 requests per 6 s. What counts: the
share of 429 among the answers (below 1 %), and how much of our own budget is used (at least 90 %).
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import update

from integration import db, settings, stages
from integration.clock import utc_now
from integration.erp.client import ErpClient
from integration.erp.external_id import ATTRIBUTE_KEY, GROUP_KEY
from integration.errors import Throttled
from integration.models import Base, Listing, SalesChannel, Tenant
from integration.runtime import Runtime
from integration.token_bucket import Share
from integration.vault import new_key
from integration.write_back import asking, batch, lanes
from sandbox import serving
from sandbox.erp import create_app
from sandbox.erp.options import Options

DURATION_S = 600.0
TAKERS = (Share.LIVE, Share.LIVE, Share.BACKFILL, Share.WRITE_BACK)
PATH = "/erp/articles/1001"


@dataclass(frozen=True)
class Outcome:
    """`answers` by status as the ERP counted them, `taken` by share, the budget in requests."""

    answers: Counter[str]
    taken: Counter[str]
    budget: float

    @property
    def refused_share(self) -> float:
        return self.answers["429"] / sum(self.answers.values())

    @property
    def used_share(self) -> float:
        return self.answers["200"] / self.budget


def saturate(database_url: str, seconds: float) -> Outcome:
    """Let the takers ask as fast as they may for so long. The tables of the database are new."""
    with serving.running(lambda url: create_app(Options(articles=100), url)) as erp_url:
        environ = _environ(erp_url, database_url)
        budget = settings.from_env(environ).erp_budget
        tenant_id, channel_id = _tenant(environ, erp_url)
        command = [sys.executable, "-m", "bench.pacing", "--taker"]
        takers = [
            subprocess.Popen([*command, share], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for share in TAKERS
        ]
        ids = {"tenant_id": tenant_id, "channel_id": channel_id}
        plan = {"environ": environ, "seconds": seconds, **ids}
        for one in takers:
            one.stdin.write(json.dumps(plan).encode() + b"\n")
            one.stdin.close()
        counts = [json.loads(one.stdout.read()) for one in takers]
        if any(one.wait(60) for one in takers):
            raise RuntimeError("a taker failed; its reason is above")
        routes = requests.get(f"{erp_url}/_sandbox/requests", timeout=30).json()
    taken: Counter[str] = Counter()
    for share, count in zip(TAKERS, counts, strict=True):
        taken[share.value] += count
    answers = Counter({status: routes["by_status"].get(status, 0) for status in ("200", "429")})
    answers["200"] -= len(TAKERS)  # at most one sign-in each
    return Outcome(answers, taken, seconds * budget[0] / budget[1])


def _environ(erp_url: str, database_url: str) -> dict[str, str]:
    credentials = _post(erp_url, "tenants", tenant="acme")
    return {
        "RELAY_DATABASE_URL": database_url,
        "RELAY_SECRET_KEY": new_key(),
        "RELAY_APP_IDENTIFIER": credentials["appIdentifier"],
        "RELAY_CLIENT_ID": credentials["clientId"],
        "RELAY_CLIENT_SECRET": credentials["clientSecret"],
        "RELAY_ERP_URL": credentials["erpUrl"],
        "RELAY_ERP_TOKEN_URL": credentials["tokenUrl"],
    }


def _tenant(environ: dict[str, str], erp_url: str) -> tuple[int, int]:
    """A tenant with a channel whose products are in the shop; their ids."""
    runtime = _runtime(environ)
    Base.metadata.drop_all(runtime.engine)
    Base.metadata.create_all(runtime.engine)
    token = _post(erp_url, "tenants", tenant="acme")["offlineToken"]
    with runtime.scope() as session:
        tenant = Tenant(subdomain="acme", offline_token=runtime.vault.seal(token))
        session.add(tenant)
        session.flush()
        channel = SalesChannel(tenant_id=tenant.id, erp_id="42", platform="memory", is_paused=False)
        session.add(channel)
        session.flush()
        ids = tenant.id, channel.id
        session.add_all(
            Listing(channel_id=channel.id, article_id=one, external_id="", number=one)
            for one in _listed(erp_url)
        )
    attributes = [{"key": ATTRIBUTE_KEY, "label": ATTRIBUTE_KEY, "type": "TEXT"}]
    group = {"key": GROUP_KEY, "label": GROUP_KEY, "attributes": attributes}
    runtime.erp(ids[0]).post("/cmn/eav-groups", {**group, "entities": ["articleListing"]})
    runtime.engine.dispose()
    return ids


def _listed(erp_url: str) -> list[str]:
    answer = requests.get(f"{erp_url}/_sandbox/state?limit=100", timeout=30)
    return [one["id"] for one in answer.json()["articles"] if one["listed"]]


def _runtime(environ: dict[str, str]) -> Runtime:
    config = settings.from_env(environ)
    return Runtime(config, db.build_engine(config.database_url))


def _post(url: str, route: str, **body: object) -> dict[str, str]:
    answer = requests.post(f"{url}/_sandbox/{route}", json=body, timeout=30)
    answer.raise_for_status()
    found: dict[str, str] = answer.json()
    return found


def take(share: Share) -> None:
    """One taker: reads its plan, asks until the time is over, prints how many were answered."""
    plan = json.loads(sys.stdin.readline())
    runtime, ends = _runtime(plan["environ"]), time.monotonic() + plan["seconds"]
    if share is Share.WRITE_BACK:
        print(_write_back(runtime, plan, ends))
        return
    client = runtime.erp(plan["tenant_id"], share=share)
    answered = 0
    while time.monotonic() < ends:
        answered += _asked(client)
    print(answered)


def _write_back(runtime: Runtime, plan: dict[str, Any], ends: float) -> int:
    """Batches of product ids, which get new ones whenever all are written; the answers."""
    answers: list[int] = []
    runtime.http.hooks["response"].append(lambda one, **_: answers.append(one.status_code))
    threading.Timer(plan["seconds"], stages.STOPPING.set).start()
    names = itertools.count()
    while time.monotonic() < ends:
        claim_id = _claimed(runtime)
        if claim_id is not None:
            batch.write(runtime, claim_id)
            continue
        with runtime.scope() as session:
            session.execute(update(Listing).values(external_id=f"product-{next(names)}"))
            asking.ask_for_all(session, plan["channel_id"])
        threading.Event().wait(0.1)
    return answers.count(200)


def _claimed(runtime: Runtime) -> str | None:
    with runtime.scope() as session:
        lane = lanes.rota(session).next()
        lease_s = runtime.settings.lease_s
        return None if lane is None else lanes.claim_next(session, lane, lease_s=lease_s)


def _asked(client: ErpClient) -> int:
    try:
        client.get(PATH)
    except Throttled as error:
        threading.Event().wait(min(2.0, error.retry_after_s))
        return 0
    return 1


def main() -> int:
    """1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="bench.pacing", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=DURATION_S)
    parser.add_argument("--database", help="a database that may be emptied; else SQLite")
    parser.add_argument("--taker", type=Share, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.taker is not None:
        take(arguments.taker)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.database or f"sqlite:///{Path(folder, 'pacing.db')}"
        found = saturate(url, arguments.seconds)
    print(f"{utc_now():%Y-%m-%d %H:%M} UTC, {arguments.seconds:g} s, {url.partition(':')[0]}")
    print(f"answers {dict(found.answers)}, taken {dict(found.taken)}")
    print(f"429: {found.refused_share:.2%}, budget used: {found.used_share:.1%}")
    return 0 if found.refused_share < 0.01 and found.used_share >= 0.9 else 1


if __name__ == "__main__":
    raise SystemExit(main())
