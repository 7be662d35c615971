"""One of the processes that saturate a tenant's request budget; `bench.pacing` starts them."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
import time
from typing import Any

from sqlalchemy import update

from integration import db, settings, stages
from integration.erp.client import ErpClient
from integration.errors import Throttled
from integration.models import Listing
from integration.runtime import Runtime
from integration.token_bucket import Share
from integration.write_back import asking, batch, lanes

PATH = "/erp/articles/1001"


def runtime_of(environ: dict[str, str]) -> Runtime:
    """The product with these settings."""
    config = settings.from_env(environ)
    return Runtime(config, db.build_engine(config.database_url))


def take(share: Share) -> None:
    """One taker: reads its plan, asks until the time is over, prints how many were answered."""
    plan = json.loads(sys.stdin.readline())
    runtime, ends = runtime_of(plan["environ"]), time.monotonic() + plan["seconds"]
    if share is Share.WRITE_BACK:
        print(_written_back(runtime, plan, ends))
        return
    client = runtime.erp(plan["tenant_id"], share=share)
    answered = 0
    while time.monotonic() < ends:
        answered += _asked(client)
    print(answered)


def _written_back(runtime: Runtime, plan: dict[str, Any], ends: float) -> int:
    """Batches of product ids, which get new ones whenever all are written; the answers."""
    answers: list[int] = []
    runtime.http.hooks["response"].append(lambda one, **_: answers.append(one.status_code))
    threading.Timer(plan["seconds"], stages.STOPPING.set).start()
    names = itertools.count()
    while time.monotonic() < ends:
        claim_id = _claimed(runtime)
        if claim_id is None:
            with runtime.scope() as session:
                session.execute(update(Listing).values(external_id=f"product-{next(names)}"))
                asking.ask_for_all(session, plan["channel_id"])
            threading.Event().wait(0.1)
            continue
        try:
            batch.write(runtime, claim_id)
        except Throttled as error:
            threading.Event().wait(min(2.0, error.retry_after_s))
    return answers.count(200)


def _claimed(runtime: Runtime) -> str | None:
    with runtime.scope() as session:
        lane = lanes.rota(session).next()
        lease_s = runtime.settings.lease_s
        chain = None if lane is None else lanes.claim_next(session, lane, lease_s=lease_s)
    return None if chain is None else chain.claim_id


def _asked(client: ErpClient) -> int:
    try:
        client.get(PATH)
    except Throttled as error:
        threading.Event().wait(min(2.0, error.retry_after_s))
        return 0
    return 1


def main() -> None:
    """The share is the argument, the plan comes by standard input."""
    parser = argparse.ArgumentParser(prog="bench.taker", description=__doc__)
    parser.add_argument("share", type=Share)
    take(parser.parse_args().share)


if __name__ == "__main__":
    main()
