"""Four processes saturate one tenant's request budget: `python -m bench.pacing [SECONDS]`.

Against the sandboxed ERP, which enforces its 40 requests per 6 s. What counts: the share of 429
among the answers (below 1 %), and how much of our own budget is used (at least 90 %).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import requests

from integration import db, settings
from integration.clock import utc_now
from integration.erp.client import ErpClient
from integration.errors import Throttled
from integration.models import Base, Tenant
from integration.runtime import Runtime
from integration.token_bucket import Share
from integration.vault import new_key
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
    with serving.running(lambda url: create_app(Options(articles=10), url)) as erp_url:
        environ = _environ(erp_url, database_url)
        budget = settings.from_env(environ).erp_budget
        tenant_id = _tenant(environ, erp_url)
        command = [sys.executable, "-m", "bench.pacing", "--taker"]
        takers = [
            subprocess.Popen([*command, share], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for share in TAKERS
        ]
        plan = {"environ": environ, "tenant_id": tenant_id, "seconds": seconds}
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


def _tenant(environ: dict[str, str], erp_url: str) -> int:
    runtime = _runtime(environ)
    Base.metadata.drop_all(runtime.engine)
    Base.metadata.create_all(runtime.engine)
    token = _post(erp_url, "tenants", tenant="acme")["offlineToken"]
    with runtime.scope() as session:
        tenant = Tenant(subdomain="acme", offline_token=runtime.vault.seal(token))
        session.add(tenant)
        session.flush()
        tenant_id = tenant.id
    runtime.engine.dispose()
    return tenant_id


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
    client = _runtime(plan["environ"]).erp(plan["tenant_id"], share=share)
    ends, answered = time.monotonic() + plan["seconds"], 0
    while time.monotonic() < ends:
        answered += _asked(client)
    print(answered)


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
