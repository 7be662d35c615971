"""`python -m bench [--quick]`: all measurements on a private Postgres and on SQLite."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import intake, queue
from bench.figures import Figure
from cli import server_packages
from cli.servers import Postgres, running


def main() -> int:
    """0; what cannot be measured here is said and left out."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    scale = 10 if parser.parse_args().quick else 1
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        figures += measure("sqlite", f"sqlite:///{Path(folder, 'bench.db')}", scale)
    reasons = server_packages.find_or_install(print)
    if "postgres" in reasons:
        print(f"bench: Postgres is left out: {reasons['postgres']}")
    else:
        postgres = Postgres()
        with running(postgres):
            figures += measure("postgres", postgres.url, scale)
    show(figures)
    return 0


def measure(database: str, url: str, scale: int) -> list[Figure]:
    return [*queue.measure(database, url, scale), *intake.measure(database, url, scale)]


def show(figures: list[Figure]) -> None:
    table = Table("database", "measure", "result", "how", title=machine())
    for one in figures:
        table.add_row(one.database, one.measure, one.result, one.how)
    Console(width=140).print(table)


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    raise SystemExit(main())
