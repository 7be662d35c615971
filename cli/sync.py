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
from integration.errors import IntegrationError, UsageError

#: States of a run whose pace is told.
ENDED = ("DONE", "RED")

if TYPE_CHECKING:
    from cli.sync_drive import Step
    from integration.runtime import Runtime
    from integration.sync_pace import Pace
    from integration.topology import Topic


@click.command()
@channel_argument
@topic_option
@click.option("--wait", "waits", is_flag=True, help="Until every change is in the shop.")
@click.option("--force", is_flag=True, help="Send also what the shop holds already.")
@click.option("--dry-run", is_flag=True, help="Only tell what would happen; write nothing.")
@click.option("--pause", "action", flag_value="pause", help="Have the sync under way wait.")
@click.option("--resume", "action", flag_value="resume", help="Go on with a paused one.")
@click.option("--cancel", "action", flag_value="cancel", help="End the sync under way.")
@json_option
@pass_here
def sync(
    here: Here,
    channel: str,
    topic: Topic | None,
    waits: bool,
    force: bool,
    dry_run: bool,
    action: str | None,
    as_json: bool,
) -> None:
    """Ask for everything that is listed on a channel, and follow it into the shop.

    Reads the ERP page by page; the workers of `up` send what differs. An interrupted run goes on
    where it was. With --json, one line per step. Exit code 1 when the run is over and one of its
    changes failed, or when the ERP showed less than it counts, and when somebody paused or
    cancelled it meanwhile.
    """
    require_about_articles(topic)
    if action is not None:
        _require_alone(action, {"--force": force, "--dry-run": dry_run, "--wait": waits})
        _control(here.runtime, channel, topic, action, waits=waits, as_json=as_json)
        return
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
    from cli import sync_drive, sync_first
    from cli.shared import say
    from integration.topology import Topic

    sync_drive.require_moving(runtime, name)
    # Before anything of it can be written; there is no way back from what was.
    brings_articles = topic in (None, Topic.ARTICLE)
    if brings_articles and (first := sync_first.sentence(runtime, name)) is not None:
        say(first)
    run_id, is_continued = sync_drive.begin(runtime, name, topic, is_forced=is_forced)
    note = f"run {run_id} was not finished and is continued" if is_continued else ""
    _follow(runtime, name, run_id, note, waits=waits, as_json=as_json)


def _require_alone(action: str, others: dict[str, bool]) -> None:
    wrong = [one for one, is_given in others.items() if is_given]
    if action == "resume" and wrong == ["--wait"]:
        return
    if wrong:
        raise UsageError(f"--{action} does not go with {' and '.join(wrong)}")


def _control(
    runtime: Runtime,
    name: str,
    topic: Topic | None,
    action: str,
    *,
    waits: bool,
    as_json: bool,
) -> None:
    from cli import sync_changes, sync_drive, sync_shows

    done = sync_changes.change(runtime, name, topic, action)
    if action == "resume":
        note = "\n".join(done.values())
        _follow(runtime, name, max(done), note, waits=waits, as_json=as_json)
        return
    for run_id, sentence in done.items():
        click.echo(sentence, err=as_json)
        if as_json:
            with runtime.scope() as session:
                sync_shows.JsonLines().step(sync_drive.read_step(session, run_id))


def _follow(
    runtime: Runtime, name: str, run_id: int, note: str, *, waits: bool, as_json: bool
) -> None:
    """Drive a run from here, and say how it ended."""
    from cli import sync_drive, sync_shows
    from cli.gentle_stop import stopping_gently
    from integration import counter_store, counters

    show = sync_shows.choose(as_json=as_json)
    try:
        if note:
            show.note(note)
        # It pages the ERP in this process; /metrics shows these requests, too.
        with (
            counters.PROCESS.flushing_into(counter_store.sink_of(runtime.scope)),
            stopping_gently() as stop,
        ):
            drive = sync_drive.Drive(runtime, run_id, name, show, waits=waits, stop=stop)
            last = drive.until_end()
        if last.state in ENDED:
            show.pace(_pace(runtime, run_id))
    except KeyboardInterrupt as error:
        raise IntegrationError(
            f"stopped; `vario-relay sync {name}` goes on with run {run_id} where it is, and so do "
            "the workers"
        ) from error
    finally:
        show.close()
    _conclude(runtime, name, last, show)


def _pace(runtime: Runtime, run_id: int) -> Pace:
    from integration import sync_pace
    from integration.token_bucket import Rate

    with runtime.scope() as session:
        return sync_pace.of(session, run_id, Rate(*runtime.settings.erp_budget))


def _conclude(runtime: Runtime, name: str, last: Step, show: object) -> None:
    """The last sentence. Raises: IntegrationError for a run that ended red or with failures.

    Held changes are no failure: what they wait for is mended in the ERP or in the shop's settings,
    and then they go by themselves.
    """
    from cli.shared import say
    from cli.sync_drive import PAUSED
    from integration.models import SyncRun, SyncRunState

    if last.state == PAUSED:
        raise IntegrationError(
            f"run {last.run} was paused; `vario-relay sync {name} --resume` goes on with it"
        )
    with runtime.scope() as session:
        message = session.get_one(SyncRun, last.run).message
    if last.state == SyncRunState.RED.value:
        raise IntegrationError(f"run {last.run} is red: {message}")
    if last.state == SyncRunState.CANCELLED.value:
        raise IntegrationError(f"run {last.run} was {message}")
    if last.state == SyncRunState.DRAINING.value:
        say(
            f"all {last.seen} articles are read; {last.open} changes are waiting, the workers go "
            "on with them, `vario-relay queue status` shows how far they are"
        )
        return
    say(
        f"run {last.run} is done: {last.seen} articles, {last.pushed} changes sent, "
        f"{last.unchanged} unchanged, {last.skipped} skipped, {last.held} held, "
        f"{last.failed} failed"
    )
    if message:
        say(message)
    if last.failed:
        changes = "change" if last.failed == 1 else "changes"
        raise IntegrationError(
            f"{last.failed} {changes} of run {last.run} failed; `vario-relay queue failed {name}` "
            "shows why"
        )
