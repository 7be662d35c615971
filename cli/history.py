"""`vario-relay history`: what happened to an article, what the shop held, what became of all."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.explain import timeline_rows
from cli.shared import (
    Here,
    TopicName,
    article_of,
    channel_argument,
    json_option,
    pass_here,
    print_json,
    print_table,
)
from cli.times import past_moment
from integration.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from integration.explaining.texts import Language
    from integration.explaining.timeline import Entry
    from integration.history.belief import Belief
    from integration.history.sums import Sum
    from integration.models import SalesChannel
    from integration.topology import Topic


@click.command()
@channel_argument
@click.argument("article", metavar="[ARTICLE]", required=False)
@click.option("--topic", type=TopicName(also_write_back=True), help="Only this topic.")
@click.option("--since", metavar="TIME", help="Of an article: only what happened since then.")
@click.option("--at", "moment", metavar="TIME", help="Of an article: what the shop held then.")
@click.option("--from", "begin", metavar="TIME", help="Of a channel: changes that came from then.")
@click.option("--until", "end", metavar="TIME", help="Of a channel: until then; now without it.")
@click.option("--lang", type=click.Choice(["en", "de"]), default="en", help="Language of the text.")
@json_option
@pass_here
def history(
    here: Here,
    channel: str,
    article: str | None,
    topic: Topic | None,
    since: str | None,
    moment: str | None,
    begin: str | None,
    end: str | None,
    lang: str,
    as_json: bool,
) -> None:
    """Show what happened to an article, or what became of all changes of a time.

    ARTICLE is the ERP's id, the article number or an EAN; with --topic order-status the id of a
    document. --at says what the shop held then, by its receipts. Without ARTICLE, --from counts the
    changes that arrived from then on by what became of them. TIME is 2h, 3d or 30min ago, HH:MM,
    or an ISO time. Entries are kept for 30 days, what was sent for 7.
    """
    _require_one_question(article, since, moment, begin, end)
    if article is None:
        _sums(here, channel, topic, str(begin), end, as_json)
    elif moment is not None:
        _belief(here, channel, article, topic, moment, as_json)
    else:
        _timeline(here, channel, article, topic, since, lang, as_json)


def _require_one_question(
    article: str | None, since: str | None, moment: str | None, begin: str | None, end: str | None
) -> None:
    """Raises: UsageError for options that do not go together."""
    if article is None and begin is None:
        raise UsageError("name an ARTICLE, or --from TIME for all changes of a channel")
    if article is None and (since or moment):
        raise UsageError("--since and --at are about an article; name an ARTICLE")
    if article is not None and (begin or end):
        raise UsageError(
            "--from and --until are about a channel; leave ARTICLE out, or use --since"
        )
    if since is not None and moment is not None:
        raise UsageError("--since and --at are two questions; give one of them")


def _now(here: Here) -> datetime:
    from integration.clock import utc_now

    return utc_now().astimezone(here.settings.zone)


def _found(
    here: Here, channel: str, article: str, topic: Topic | None
) -> tuple[SalesChannel, str, str, Collection[Topic]]:
    """Channel, entity, how a sentence says it, and the topics that are meant."""
    from integration import channels, ids
    from integration.topology import Topic

    with here.runtime.scope() as session:
        found = channels.find(session, channel)
    if topic is Topic.ORDER_STATUS:
        document = ids.canonical(article)
        if document is None:
            raise UsageError(f"{article!r} is not the id of a document; order status is about one")
        return found, document, f"document {document}", [topic]
    known = article_of(here.runtime, channel, article)
    label = f"article id {known.id}" if known.number is None else f"article {known.number}"
    topics = [one for one in Topic if one is not Topic.ORDER_STATUS] if topic is None else [topic]
    return found, known.id, label, topics


def _timeline(
    here: Here,
    channel: str,
    article: str,
    topic: Topic | None,
    since: str | None,
    lang: str,
    as_json: bool,
) -> None:
    from integration.explaining.report import entry_as_json
    from integration.explaining.texts import Language
    from integration.explaining.timeline import in_order, logged_entries
    from integration.history import reading

    begin = None if since is None else past_moment(since, _now(here))
    found, entity, label, topics = _found(here, channel, article, topic)
    with here.runtime.scope() as session:
        logged = reading.entries(
            session, found.id, entity, topics=topics, since=begin, with_channel=True
        )
        waiting = reading.awaiting(session, found.id, entity, topics)
    entries = in_order([one for entry in [*logged, *waiting] for one in logged_entries(entry)])
    language = Language[lang.upper()]
    if as_json:
        shown = [entry_as_json(one, language) for one in entries]
        print_json({"channel": channel, "entity": entity, "entries": shown})
    else:
        _print_entries(entries, language, f"{label} of sales channel {channel}")


def _print_entries(entries: Sequence[Entry], language: Language, what: str) -> None:
    print_table(
        ("WHEN", "TOPIC", "WHAT"),
        timeline_rows(entries, language),
        empty=f"nothing is recorded of {what}; entries are kept for 30 days",
    )


def _belief(
    here: Here, channel: str, article: str, topic: Topic | None, text: str, as_json: bool
) -> None:
    from integration.history import belief

    moment = past_moment(text, _now(here))
    found, entity, label, topics = _found(here, channel, article, topic)
    with here.runtime.scope() as session:
        beliefs = belief.at(session, found.id, entity, moment, topics)
    if as_json:
        print_json(
            {
                "channel": channel,
                "entity": entity,
                "at": moment.isoformat(),
                "held": [_belief_as_json(one) for one in beliefs],
            }
        )
        return
    click.echo(f"{label} of sales channel {channel} at {moment:%Y-%m-%d %H:%M:%S %Z}, by receipts:")
    print_table(
        ("TOPIC", "SINCE", "THE SHOP HELD"),
        [_belief_row(one) for one in beliefs],
        empty="",
    )


def _belief_as_json(one: Belief) -> dict[str, Any]:
    from integration import wire
    from integration.topology import SHORT_NAME_BY_TOPIC

    since, doubted = one.since, one.doubted_since
    return {
        "topic": SHORT_NAME_BY_TOPIC[one.topic],
        "is_known": one.is_known,
        "since": None if since is None else since.isoformat(),
        "hash": one.content_hash,
        "content": wire.plain(one.sent),
        "doubted_since": None if doubted is None else doubted.isoformat(),
        "doubted_content": wire.plain(one.doubted),
    }


def _belief_row(one: Belief) -> tuple[str, str | None, str]:
    from integration import wire
    from integration.topology import SHORT_NAME_BY_TOPIC

    if one.sent is not None:
        held = wire.dumps(one.sent)
    elif one.content_hash is not None:
        held = f"content {one.content_hash[:12]}; what was sent is not kept any more"
    else:
        held = (
            "nothing of ours" if one.is_known else "not known: the record does not go back so far"
        )
    if one.doubted_since is not None:
        held += f" -- or what was sent at {one.doubted_since:%H:%M:%S} UTC without an answer"
    since = None if one.since is None else f"{one.since:%Y-%m-%d %H:%M:%S} UTC"
    return SHORT_NAME_BY_TOPIC[one.topic], since, held


def _sums(
    here: Here, channel: str, topic: Topic | None, begin: str, end: str | None, as_json: bool
) -> None:
    from integration import channels
    from integration.history import sums
    from integration.topology import Topic

    now = _now(here)
    first = past_moment(begin, now)
    last = now if end is None else past_moment(end, now)
    if last <= first:
        raise UsageError(f"--until {end} is not after --from {begin}")
    with here.runtime.scope() as session:
        channel_id = channels.find(session, channel).id
        topics = tuple(Topic) if topic is None else [topic]
        found = sums.of_channel(session, channel_id, first, last, topics)
    if as_json:
        print_json(
            {
                "channel": channel,
                "from": first.isoformat(),
                "until": last.isoformat(),
                "topics": [dict(zip(_COLUMNS, _counts(one), strict=True)) for one in found],
            }
        )
        return
    rows = [_counts(one) for one in found]
    if rows:
        totals = (sum(row[place] for row in rows) for place in range(1, len(_COLUMNS)))
        rows.append(("total", *totals))
    print_table([name.upper() for name in _COLUMNS], rows, empty="nothing arrived in that time")


_COLUMNS = ("topic", "arrived", "accepted", "unchanged", "skipped", "refused", "waiting")


def _counts(one: Sum) -> tuple[Any, ...]:
    from integration.topology import SHORT_NAME_BY_TOPIC

    counts = (getattr(one, name) for name in _COLUMNS[1:])
    return (SHORT_NAME_BY_TOPIC[one.topic], *counts)
