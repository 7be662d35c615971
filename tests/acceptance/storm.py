"""Sends many webhooks as fast as the service takes them: `python -m tests.acceptance.storm`.

A process of its own, so that it shares no interpreter with the sandboxes. Reads one JSON object
``{port, token, threads, webhooks: [[path, body], ...]}`` and prints ``{seconds, statuses}``.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any


def send(port: int, token: str, webhooks: Sequence[Sequence[Any]], statuses: Counter[str]) -> None:
    """Send these webhooks one after the other over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for path, body in webhooks:
        connection.request("POST", f"/api/webhooks/{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        statuses[str(answer.status)] += 1
    connection.close()


def main() -> None:
    plan = json.load(sys.stdin)
    webhooks, count = plan["webhooks"], plan["threads"]
    statuses: list[Counter[str]] = [Counter() for _ in range(count)]
    threads = [
        threading.Thread(
            target=send, args=(plan["port"], plan["token"], webhooks[place::count], statuses[place])
        )
        for place in range(count)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(statuses, Counter())
    print(json.dumps({"seconds": time.monotonic() - began, "statuses": total}))


if __name__ == "__main__":
    main()
