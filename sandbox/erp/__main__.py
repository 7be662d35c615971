"""`python -m sandbox.erp`: the sandbox ERP as a program."""

from __future__ import annotations

import argparse
import sys

from sandbox.erp import Options, serve
from sandbox.erp.options import PROFILES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.erp", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free one when not given")
    content = parser.add_mutually_exclusive_group()
    content.add_argument("--articles", type=int, default=Options.articles)
    content.add_argument("--catalogue", metavar="FILE", help="a shop's product export (CSV)")
    parser.add_argument("--illustrated", type=int, default=20, help="articles with images")
    parser.add_argument("--seed", type=int, default=Options.seed)
    parser.add_argument("--profile", choices=PROFILES, default=Options.profile)
    parser.add_argument("--domain", default=Options.domain, help="the domain in `iss`")
    try:
        serve(**vars(parser.parse_args()))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
