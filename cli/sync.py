"""`vario-relay sync`: a full pass over a channel, driven from the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.shared import (
    Here,
    channel_argument,
    json_option,
    pass_here,
    require_about_articles,
    topic_option,
)
from integration.errors import IntegrationError

if TYPE_CHECKING:
    from cli.sync_drive import Step
    from integration.runtime import Runtime
    from integration.topology import Topic


@click.command()
@channel_argument
@topic_option
@click.option("--wait", "waits", is_flag=True, help="Until every change is in the shop.")
@click.option("--force", is_flag=True, help="Send also what the shop holds already.")
@click.option("--dry-run", is_flag=True, help="Only tell what would happen; write nothing.")
@json_option
@pass_here
def sync(
    here: Here,
    channel: str,
    topic: Topic | None,
    waits: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Ask for everything that is listed on a channel, and follow it into the shop.

    Reads the ERP page by page; the workers of `up` send what differs. An interrupted run goes on
    where it was. With --json, one line per step. Exit code 1 when the run is over and one of its
    changes failed, or when the ERP showed less than it counts.
    """
    require_about_articles(topic)
    if dry_run:
        from cli.sync_dry_run import show_dry_run

        show_dry_run(here.runtime, channel, topic, is_forced=force, as_json=as_json)
        return
    _run(here.runtime, channel, topic, waits=waits, is_forced=force, as_json=as_json)


def _run(
    runtime: Runtime,
    name: str,
    topic: Topic | None,
    *,
    waits: bool,
    is_forced: bool,
    as_json: bool,
) -> None:
    from cli import sync_drive, sync_shows
    from cli.gentle_stop import stopping_gently
    from integration import counter_store, counters

    run_id, is_continued = sync_drive.begin(runtime, name, topic, is_forced=is_forced)
    show = sync_shows.choose(as_json=as_json)
    try:
        if is_continued:
            show.note(f"run {run_id} was not finished and is continued")
        # It pages the ERP in this process; /metrics shows these requests, too.
        with (
            counters.PROCESS.flushing_into(counter_store.sink_of(runtime.scope)),
            stopping_gently() as stop,
        ):
            drive = sync_drive.Drive(runtime, run_id, name, show, waits=waits, stop=stop)
            last = drive.until_end()
    except KeyboardInterrupt as error:
        raise IntegrationError(
            f"stopped; `vario-relay sync {name}` goes on with run {run_id} where it is, and so do "
            "the workers"
        ) from error
    finally:
        show.close()
    _conclude(runtime, name, last, show)


def _conclude(runtime: Runtime, name: str, last: Step, show: object) -> None:
    """The last sentence. Raises: IntegrationError for a run that ended red or with failures.

    Held changes are no failure: what they wait for is mended in the ERP or in the shop's settings,
    and then they go by themselves.
    """
    from cli.shared import say
    from integration.models import SyncRun, SyncRunState

    with runtime.scope() as session:
        message = session.get_one(SyncRun, last.run).message
    if last.state == SyncRunState.RED.value:
        raise IntegrationError(f"run {last.run} is red: {message}")
    if last.state == SyncRunState.DRAINING.value:
        say(
            f"all {last.seen} articles are read; {last.open} changes are waiting, the workers go "
            "on with them, `vario-relay queue status` shows how far they are"
        )
        return
    say(
        f"run {last.run} is done: {last.seen} articles, {last.pushed} changes sent, "
        f"{last.unchanged} unchanged, {last.held} held, {last.failed} failed"
    )
    if message:
        say(message)
    if last.failed:
        changes = "change" if last.failed == 1 else "changes"
        raise IntegrationError(
            f"{last.failed} {changes} of run {last.run} failed; `vario-relay queue failed {name}` "
            "shows why"
        )
