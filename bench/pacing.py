"""Four processes saturate one tenant's request budget.

Two for live work and one for backfill ask as fast as they may; one writes product ids back, as the
service does. Against the sandboxed ERP, which enforces its 40 requests per 6 s. What counts: the
share of 429 among the answers, and how much of our own budget is used.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass

import requests

from bench.results import Result
from bench.service import Bench
from bench.taker import runtime_of
from integration import settings
from integration.erp.external_id import ATTRIBUTE_KEY, GROUP_KEY
from integration.models import Base, Listing, SalesChannel, Tenant
from integration.token_bucket import Share
from integration.vault import new_key
from sandbox import serving
from sandbox.erp import create_app
from sandbox.erp.options import Options
from tests.real_servers import empty_database

TAKERS = (Share.LIVE, Share.LIVE, Share.BACKFILL, Share.WRITE_BACK)


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


def measure(bench: Bench) -> list[Result]:
    """Ten minutes of saturation."""
    seconds = bench.pick(600, 6)
    with empty_database(bench.postgres_url) as url:
        found = saturate(url, seconds)
    shares = ", ".join(f"{number:,} {share}" for share, number in found.taken.most_common())
    budget = f"{found.budget:,.0f} requests of our own budget in {seconds} s"
    return [
        Result(
            "pacing.refused",
            [found.refused_share],
            note=f"{found.answers['429']} of {found.answers.total():,} answers; {shares}",
        ),
        Result("pacing.used", [found.used_share], baseline=budget),
    ]


def saturate(database_url: str, seconds: float) -> Outcome:
    """Let the takers ask as fast as they may for so long. The tables of the database are new."""
    with serving.running(lambda url: create_app(Options(articles=100), url)) as erp_url:
        environ = _environ(erp_url, database_url)
        budget = settings.from_env(environ).erp_budget
        tenant_id, channel_id = _tenant(environ, erp_url)
        command = [sys.executable, "-m", "bench.taker"]
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
    runtime = runtime_of(environ)
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


def _post(url: str, route: str, **body: object) -> dict[str, str]:
    answer = requests.post(f"{url}/_sandbox/{route}", json=body, timeout=30)
    answer.raise_for_status()
    found: dict[str, str] = answer.json()
    return found
