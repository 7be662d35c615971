"""`python -m tests.soak`: half an hour in the life of a tenant, then ERP and shop must be the same.

Edits all the time; the ERP goes away and comes back, gains and loses sales channels, lets its
tokens expire, and fails in 2 % of its answers.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.chaos.plan import EMBEDDED, MODES
from tests.soak.run import run


def main() -> int:
    """0 when everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="of edits and events")
    parser.add_argument("--seed", type=int, help="draws the same again; drawn when not given")
    parser.add_argument("--mode", choices=MODES, default=EMBEDDED)
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else time.time_ns() % 10**6
    return 1 if run(seed, given.minutes * 60, given.mode, say).wrong else 0


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
