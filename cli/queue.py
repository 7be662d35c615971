"""`vario-relay queue`: what waits, what failed, and sending it again."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import click

from cli.shared import (
    Here,
    TopicName,
    channel_argument,
    duration,
    json_option,
    pass_here,
    print_json,
    print_table,
    say,
)
from integration.errors import IntegrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.hold_report import HoldGroup
    from integration.overdue import Overdue
    from integration.queue_report import LaneStatus
    from integration.topology import Topic

#: Causes of holds below the table of `status`; `queue hold list` has them all.
HOLDS_SHOWN = 10


@click.group()
def queue() -> None:
    """What waits, what failed, and sending it again."""


@queue.command()
@json_option
@click.option(
    "--max-age",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Exit with 1 when something due has not been settled for longer.",
)
@pass_here
def status(here: Here, as_json: bool, max_age: float | None) -> None:
    """Show what waits, by channel and topic.

    OLDEST leaves out held changes, which wait for a person, and failed ones, which wait for
    `queue retry`. What waits of a topic that is switched off is held, and so is what waits of one
    that this version does not carry: it goes by itself with a version that does. --max-age looks
    only at what may move and is due.
    """
    from integration import catch_up_report, hold_report, queue_report
    from integration.overdue import overdue
    from integration.toggles import SERVED_TOPICS

    with here.runtime.scope() as session:
        found = queue_report.statuses(session)
        held = [] if as_json else hold_report.groups(session)
        missed = [] if as_json else catch_up_report.under_way(session)
        behind = [f"{one.channel}: {catch_up_report.sentence(session, one.run)}" for one in missed]
        late = [] if max_age is None else overdue(session, SERVED_TOPICS, max_age)
    rows = [_described(one) for one in found]
    if as_json:
        print_json(rows)
    else:
        _print_statuses(rows)
        for name, sentence in {f"{one.tenant}/{one.channel}": one.shop for one in found}.items():
            if sentence:
                click.echo(f"{name}: {sentence}")
        for line in behind:
            click.echo(line)
        _print_held([one for one in held if one.count and not one.goes_by_itself])
    if late:
        raise IntegrationError(_late_sentence(late, max_age))


def _print_held(held: Sequence[HoldGroup]) -> None:
    for one in held[:HOLDS_SHOWN]:
        changes = "1 change is" if one.count == 1 else f"{one.count} changes are"
        click.echo(f"{one.channel}: {changes} held: {one.words.sentence}; {one.words.do}")
    if len(held) > HOLDS_SHOWN:
        more = len(held) - HOLDS_SHOWN
        click.echo(f"and {more} more causes; `vario-relay queue hold list` shows all")


def _late_sentence(late: Sequence[Overdue], max_age: float | None) -> str:
    from integration.topology import SHORT_NAME_BY_TOPIC

    oldest, others = late[0], len(late) - 1
    also = f" (and {others} more)" if others else ""
    return (
        f"{SHORT_NAME_BY_TOPIC[oldest.topic]} of {oldest.tenant}/{oldest.channel}{also} has been "
        f"due for {duration(oldest.age_s)} and nobody settled it, longer than "
        f"{duration(max_age)}; see that all workers run, and what they log"
    )


def _described(one: LaneStatus) -> dict[str, Any]:
    from integration.topology import SHORT_NAME_BY_TOPIC

    age = one.oldest_unsent_s
    return {
        "tenant": one.tenant,
        "channel": one.channel,
        "topic": SHORT_NAME_BY_TOPIC[one.topic],
        "queued": one.queued,
        "processing": one.processing,
        "failed": one.failed,
        "held": one.held,
        "oldest_unsent_s": None if age is None else round(age, 1),
        "eta_s": one.eta_s,
        "is_on": one.is_on,
        "is_carried": one.is_carried,
    }


def _topic(row: dict[str, Any]) -> str:
    if not row["is_carried"]:
        return f"{row['topic']} (not carried yet)"
    return str(row["topic"]) if row["is_on"] else f"{row['topic']} (off)"


def _print_statuses(rows: list[dict[str, Any]]) -> None:
    counts = ("queued", "processing", "failed", "held")
    lines = [
        (
            row["tenant"],
            row["channel"],
            _topic(row),
            *(row[name] for name in counts),
            duration(row["oldest_unsent_s"]),
            duration(row["eta_s"]),
        )
        for row in rows
    ]
    if rows:
        ages = [row["oldest_unsent_s"] for row in rows if row["oldest_unsent_s"] is not None]
        totals = [sum(row[name] for row in rows) for name in counts]
        lines.append(("total", "", "", *totals, duration(max(ages, default=None)), ""))
    headers = ("TENANT", "CHANNEL", "TOPIC", "QUEUED", "PROCESSING", "FAILED", "HELD")
    print_table((*headers, "OLDEST", "ETA"), lines, empty="there is no sales channel yet")


@queue.command()
@click.argument("channel", metavar="[CHANNEL]", required=False)
@json_option
@pass_here
def failed(here: Here, channel: str | None, as_json: bool) -> None:
    """Show failed changes, one line per cause."""
    from integration import channels, queue_report

    with here.runtime.scope() as session:
        chosen = None if channel is None else [channels.find(session, channel).id]
        groups = queue_report.failures(session, chosen)
    rows = [
        {
            "fingerprint": one.fingerprint,
            "count": one.count,
            "error_class": one.error_class,
            "message": one.message,
            "examples": list(one.examples),
        }
        for one in groups
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("FINGERPRINT", "COUNT", "CLASS", "ARTICLES", "MESSAGE"),
        [
            (one.fingerprint, one.count, one.error_class, ", ".join(one.examples), one.message)
            for one in groups
        ],
        empty="nothing has failed",
    )


@queue.command()
@channel_argument
@click.option("--topic", type=TopicName(also_write_back=True), help="Only this topic.")
@click.option("--fingerprint", metavar="F", help="Only failures with this cause.")
@click.option("--dry-run", is_flag=True, help="Only count; change nothing.")
@json_option
@pass_here
def retry(
    here: Here,
    channel: str,
    topic: Topic | None,
    fingerprint: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Queue failed changes again; what is sent is fetched anew."""
    from integration import channels, queue_report, work_outcomes

    with here.runtime.scope() as session:
        channel_id = channels.find(session, channel).id
        if dry_run:
            count = queue_report.count_failed(session, channel_id, topic, fingerprint)
        else:
            by = getpass.getuser()
            count = work_outcomes.replay(session, channel_id, topic, fingerprint, by=by)
    if as_json:
        print_json({"channel": channel, "count": count, "dry_run": dry_run})
    elif dry_run:
        say(f"{count} failed changes of sales channel {channel} would be queued again")
    else:
        say(f"{count} failed changes of sales channel {channel} are queued again")
