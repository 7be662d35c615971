"""`vario-relay reconcile`: is everything in the shop? A plan of what is not, and its way there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.shared import Here, channel_argument, json_option, pass_here, topic_option
from integration.errors import IntegrationError, UsageError

if TYPE_CHECKING:
    from integration.runtime import Runtime
    from integration.topology import Topic

DRIFT = 3
#: `--apply` without a number.
NEWEST = "newest"


@click.command()
@channel_argument
@topic_option
@click.option("--plan", "plans", is_flag=True, help="Compare, and write down what differs.")
@click.option(
    "--apply",
    "applies",
    metavar="[PLAN]",
    is_flag=False,
    flag_value=NEWEST,
    help="Send what a plan says, the newest one if none is named, and wait for it.",
)
@click.option(
    "--report", "reports", is_flag=True, help="What the comparison of the last night did."
)
@click.option("--lang", type=click.Choice(["en", "de"]), default="en", help="Of the report.")
@click.option("--fail-on-drift", is_flag=True, help="With --plan: exit code 3 if anything differs.")
@click.option(
    "--out",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Where the files of the plan go; this folder by default.",
)
@json_option
@pass_here
def reconcile(
    here: Here,
    channel: str,
    topic: Topic | None,
    plans: bool,
    applies: str | None,
    reports: bool,
    lang: str,
    fail_on_drift: bool,
    out: Path,
    as_json: bool,
) -> int:
    """Compare everything that a channel offers with what the shop shows.

    --plan reads the ERP and the shop and changes nothing: what is missing, no longer offered but
    for sale, gone in the ERP, different, or there twice. What is on its way is no drift. The plan
    is kept, and written as JSON and CSV.

    --apply sends exactly that plan: what is not as it was any more is skipped, with the reason. The
    workers of `up` send it; the command waits. Interrupted, it goes on when it is called again.
    Exit code 1 when something of it failed.

    --report says what the comparison of the last night found and did, and writes it into a file.
    """
    if reports and not plans and applies is None:
        return _report(here.runtime, channel, lang, out, as_json=as_json)
    if reports:
        raise UsageError("--report goes without --plan and --apply")
    if plans == (applies is not None):
        raise UsageError(
            "say either --plan to compare, or --apply to send what a plan says, or --report"
        )
    if applies is not None:
        return _apply(here.runtime, channel, applies, topic, as_json=as_json)
    return _plan(here.runtime, channel, topic, out, is_strict=fail_on_drift, as_json=as_json)


def _plan(
    runtime: Runtime, name: str, topic: Topic | None, out: Path, *, is_strict: bool, as_json: bool
) -> int:
    from cli import reconcile_shows
    from cli.gentle_stop import stopping_gently
    from integration import channels, counter_store, counters
    from integration.reconciliation.planning import Planning

    with runtime.scope() as session:
        channel_id = channels.find(session, name).id
    topics = None if topic is None else [topic]
    try:
        # It reads ERP and shop in this process; /metrics shows these requests, too.
        with (
            counters.PROCESS.flushing_into(counter_store.sink_of(runtime.scope)),
            stopping_gently() as stop,
        ):
            planning = Planning(runtime, channel_id, topics, wait=stop.pause)
            show = reconcile_shows.progress()
            for step in planning.steps():
                show(step)
                stop.check()
    except KeyboardInterrupt as error:
        raise IntegrationError("stopped; nothing was planned and nothing changed") from error
    found = reconcile_shows.show_plan(runtime, planning.plan_id, out, name=name, as_json=as_json)
    return DRIFT if is_strict and found.has_drift else 0


def _apply(runtime: Runtime, name: str, which: str, topic: Topic | None, *, as_json: bool) -> int:
    from cli import reconcile_drive, reconcile_shows
    from cli.gentle_stop import stopping_gently
    from integration import counter_store, counters

    if topic is not None:
        raise UsageError("--apply sends a whole plan; --topic goes with --plan")
    plan_id = reconcile_drive.choose(runtime, name, _number(which))
    try:
        with (
            counters.PROCESS.flushing_into(counter_store.sink_of(runtime.scope)),
            stopping_gently() as stop,
        ):
            reconcile_drive.Drive(runtime, plan_id, name, stop).until_end()
    except KeyboardInterrupt as error:
        raise IntegrationError(
            f"stopped; `vario-relay reconcile {name} --apply {plan_id}` goes on with plan "
            f"{plan_id}, and what was asked for is sent by the workers"
        ) from error
    return reconcile_shows.show_outcome(runtime, plan_id, name=name, as_json=as_json)


def _report(runtime: Runtime, name: str, lang: str, out: Path, *, as_json: bool) -> int:
    from cli.shared import print_json, say
    from integration import channels
    from integration.explaining.texts import Language
    from integration.reconciliation import night_report, nights

    with runtime.scope() as session:
        channel_id = channels.find(session, name).id
        tenant, erp_id = channels.names(session, channel_id)
        found = nights.newest(session, channel_id)
        if found is None:
            raise UsageError(
                f"no night has compared sales channel {name} yet; `vario-relay reconcile {name} "
                "--plan` compares now"
            )
        report = night_report.report_of(session, f"{tenant}/{erp_id}", found)
    text = night_report.text_of(report, Language[lang.upper()], runtime.settings.zone)
    file = out / f"reconcile-{tenant}-{erp_id}-night-{report.night}.{lang}.txt"
    file.write_text(text, encoding="utf-8")
    if as_json:
        print_json(night_report.as_json(report))
    else:
        click.echo(text, nl=False)
    say(f"the report is in {file.resolve()}")
    return 1 if report.is_bad else 0


def _number(which: str) -> int | None:
    if which == NEWEST:
        return None
    if not (which.isascii() and which.isdigit()):
        raise UsageError(f"{which!r} is no number of a plan; `--apply` alone takes the newest")
    return int(which)
