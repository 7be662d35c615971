"""`vario-relay queue hold`: what is held and why, and what people decide about it."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any

import click

from cli.shared import (
    Here,
    article_of,
    channel_argument,
    duration,
    json_option,
    nudge,
    pass_here,
    print_json,
    print_table,
    say,
    topic_option,
)
from integration.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from integration.hold_report import HoldGroup
    from integration.runtime import Runtime
    from integration.topology import Topic

#: A hold needs a decision.
UNDECIDED = 3

article_argument = click.argument("article", metavar="[ARTICLE]", required=False)
reason_option = click.option(
    "--reason", metavar="REASON", help="All that is held for this, as `list` shows it."
)


@click.group()
def hold() -> None:
    """What is held and why; keep articles back, let held changes go, or drop them."""


@hold.command("list")
@click.argument("channel", metavar="[CHANNEL]", required=False)
@json_option
@pass_here
def list_holds(here: Here, channel: str | None, as_json: bool) -> int:
    """Show what is held, one entry per cause, with what to do.

    Exit code 3 when something waits for a decision: a mapping, a confirmation.
    """
    from integration import channels, hold_report

    with here.runtime.scope() as session:
        channel_id = None if channel is None else channels.find(session, channel).id
        groups = hold_report.groups(session, channel_id)
    if as_json:
        print_json([_described(one) for one in groups])
    else:
        _print_groups(groups)
    return UNDECIDED if any(one.words.needs_decision for one in groups) else 0


def _described(one: HoldGroup) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "cause": one.cause,
        "reason": one.reason,
        "count": one.count,
        "articles": one.articles,
        "topics": one.topics,
        "examples": list(one.examples),
        "since": None if one.since is None else one.since.isoformat(),
        "sentence": one.words.sentence,
        "do": one.words.do,
        "needs_decision": one.words.needs_decision,
    }


def _print_groups(groups: list[HoldGroup]) -> None:
    print_table(
        ("CHANNEL", "REASON", "CHANGES", "ARTICLES", "EXAMPLES", "SINCE"),
        [
            (
                one.channel,
                one.reason,
                one.count,
                one.articles,
                ", ".join(one.examples),
                _age(one),
            )
            for one in groups
        ],
        empty="nothing is held",
    )
    for one in groups:
        click.echo(f"{one.channel} {one.reason}: {one.words.sentence}; do: {one.words.do}")


def _age(one: HoldGroup) -> str:
    from datetime import UTC, datetime

    return duration(None if one.since is None else (datetime.now(UTC) - one.since).total_seconds())


@hold.command("add")
@channel_argument
@click.argument("article", metavar="ARTICLE")
@topic_option
@click.option("--reason", metavar="TEXT", required=True, help="Why, for those who come after you.")
@pass_here
def add_hold(here: Here, channel: str, article: str, topic: Topic | None, reason: str) -> None:
    """Keep an article back, whatever changes, until `release`; its changes are collected.

    ARTICLE is the ERP's id, the article number or an EAN. What is being sent at this moment may
    still arrive.
    """
    from integration import article_holds, channels

    if not reason.strip():
        raise UsageError("--reason is empty; say why the article is kept back")
    topics = _topics(topic, article) or article_holds.HOLDABLE
    runtime = here.runtime
    article_id, label = _article(runtime, channel, article)
    with runtime.scope() as session:
        waiting = article_holds.add(
            session,
            channels.find(session, channel).id,
            article_id,
            topics,
            reason=reason.strip(),
            by=getpass.getuser(),
        )
    say(f"{label} of sales channel {channel} is held until it is released; {waiting} changes wait")


@hold.command("release")
@channel_argument
@article_argument
@topic_option
@reason_option
@pass_here
def release_holds(
    here: Here, channel: str, article: str | None, topic: Topic | None, reason: str | None
) -> None:
    """Let held changes go: of an article, or all that are held for one reason.

    Of an article, a hold by hand ends and whatever else holds it is tried again.
    """
    from integration import article_holds, channels

    topics = _topics(topic, article)
    runtime = here.runtime
    article_id, what = _chosen(runtime, channel, article, reason)
    with runtime.scope() as session:
        released = article_holds.release(
            session,
            channels.find(session, channel).id,
            article_id=article_id,
            reason=reason,
            topics=topics,
            by=getpass.getuser(),
        )
    if released:
        nudge(here.settings)
    say(f"{what} of sales channel {channel} is not held any more; {released} changes go now")


@hold.command("discard")
@channel_argument
@article_argument
@topic_option
@reason_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_here
def discard_held(
    here: Here,
    channel: str,
    article: str | None,
    topic: Topic | None,
    reason: str | None,
    yes: bool,
) -> int:
    """Drop held changes: they are not sent. A hold by hand goes on.

    The next event of the article, or the nightly pass, asks for its newest state again; to keep
    an article back, use `add`.
    """
    from integration import article_holds, channels

    topics = _topics(topic, article)
    runtime = here.runtime
    article_id, what = _chosen(runtime, channel, article, reason)
    question = f"drop the held changes of {what} of sales channel {channel}? They are not sent"
    if not yes and not _confirmed(question):
        say(f"{question}: nothing was dropped, say --yes")
        return UNDECIDED
    with runtime.scope() as session:
        dropped = article_holds.discard(
            session,
            channels.find(session, channel).id,
            article_id=article_id,
            reason=reason,
            topics=topics,
            by=getpass.getuser(),
        )
    say(f"{dropped} held changes of {what} of sales channel {channel} are dropped")
    return 0


def _confirmed(question: str) -> bool:
    """Asks on a terminal only: nobody answers elsewhere."""
    return sys.stdin.isatty() and click.confirm(question, err=True)


def _topics(topic: Topic | None, article: str | None) -> Collection[Topic] | None:
    """The topic as a choice; None: whatever is meant without one."""
    from integration.article_holds import HOLDABLE
    from integration.topology import SHORT_NAME_BY_TOPIC

    if topic is not None and article is not None and topic not in HOLDABLE:
        raise UsageError(f"topic {SHORT_NAME_BY_TOPIC[topic]} is about orders, not about articles")
    return None if topic is None else [topic]


def _chosen(
    runtime: Runtime, channel: str, article: str | None, reason: str | None
) -> tuple[str | None, str]:
    """The article's id, or None for all that is held for a reason; and how a sentence says it."""
    if article is not None:
        return _article(runtime, channel, article)
    if reason is None:
        raise UsageError("name an ARTICLE, or a --reason for all that is held for it")
    return None, f"what is held for {reason}"


def _article(runtime: Runtime, channel: str, text: str) -> tuple[str, str]:
    """Id and label of the article that somebody names. Raises: UsageError if there is none."""
    known = article_of(runtime, channel, text)
    if known.number is None:
        return known.id, f"article id {known.id}"
    return known.id, f"article {known.number} (id {known.id})"
