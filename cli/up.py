"""`vario-relay up`: web, worker and beat in one process."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import Any

import click

from cli.shared import Here, pass_here, say

#: Seconds after which a thread lets the others go on. A webhook passes through several threads, and
#: with Python's 5 ms each of them waits so long for a stage that computes.
SWITCH_S = 0.0005


@click.command()
@pass_here
def up(here: Here) -> None:
    """Run the whole service in this process, until it is interrupted.

    With RELAY_BROKER_URL memory:// nothing else has to run. A second Ctrl-C does not wait for the
    work that is under way; nothing is lost by that.
    """
    from cli.embedded import Embedded
    from integration import observe

    observe.set_up_logging(here.settings.log_level)
    _quieten()
    sys.setswitchinterval(SWITCH_S)
    told_to_stop = _on_signals()
    service = Embedded(here.runtime)
    with service:
        click.echo(f"vario-relay up: listening on {service.url}")
        while not told_to_stop.wait(1.0):
            service.check_alive()
        say("vario-relay up: stopping")
    if not service.is_stopped:
        # Threads in the middle of a request to a slow shop would hold the process for minutes;
        # their leases give the work to the next start.
        say("vario-relay up: work under way is left to the next start")
        os._exit(0)


def _quieten() -> None:
    """Keep what every turn of beat and every in-memory connection says out of the log."""
    logging.getLogger("celery.beat").setLevel(logging.WARNING)
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)


def _on_signals() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; the second one ends the process at once."""
    told = threading.Event()

    def stop(_signum: int, _frame: Any) -> None:
        told.set()
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, signal.SIG_DFL)

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, stop)
    return told
