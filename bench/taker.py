"""One of the processes that saturate a tenant's request budget; `bench.pacing` starts them."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time

from integration import db, settings
from integration.erp.client import ErpClient
from integration.errors import Throttled
from integration.runtime import Runtime
from integration.token_bucket import Share

PATH = "/erp/articles/1001"


def runtime_of(environ: dict[str, str]) -> Runtime:
    """The product with these settings."""
    config = settings.from_env(environ)
    return Runtime(config, db.build_engine(config.database_url))


def take(share: Share) -> None:
    """One taker: reads its plan, asks until the time is over, prints how many were answered."""
    plan = json.loads(sys.stdin.readline())
    client = runtime_of(plan["environ"]).erp(plan["tenant_id"], share=share)
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


def main() -> None:
    """The share is the argument, the plan comes by standard input."""
    parser = argparse.ArgumentParser(prog="bench.taker", description=__doc__)
    parser.add_argument("share", type=Share)
    take(parser.parse_args().share)


if __name__ == "__main__":
    main()
