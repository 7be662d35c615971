"""What the command groups share: where a command runs, how it prints, how it takes secrets."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from integration.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from integration.erp.listings import FoundArticle
    from integration.runtime import Runtime
    from integration.settings import Settings
    from integration.topology import Topic


class Here:
    """Settings, engine and runtime of one command; nothing is loaded before it is asked for.

    `environ` takes the place of the process's environment and `.env`, for tests.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = environ

    @cached_property
    def settings(self) -> Settings:
        """Raises: UsageError that names all that is wrong."""
        from integration import settings

        return settings.current() if self._environ is None else settings.from_env(self._environ)

    @cached_property
    def engine(self) -> Engine:
        from integration import db

        return db.build_engine(self.settings.database_url)

    @cached_property
    def runtime(self) -> Runtime:
        """Raises: UsageError when the database is not at the schema of this version."""
        from integration import schema
        from integration.runtime import Runtime

        schema.require_current(self.engine)
        return Runtime(self.settings, self.engine)


def article_of(runtime: Runtime, channel: str, text: str) -> FoundArticle:
    """The article that somebody names. Raises: UsageError if there is none, or more than one."""
    from integration import articles_by_name, channels

    with runtime.scope() as session:
        found = channels.find(session, channel)
    return articles_by_name.find(runtime, found, text)


pass_here = click.make_pass_decorator(Here, ensure=True)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
channel_argument = click.argument("channel", metavar="CHANNEL")


class TopicName(click.ParamType):
    """A topic by its short or its long name; the way back only where it is asked for."""

    name = "TOPIC"

    def __init__(self, *, also_write_back: bool = False) -> None:
        self._also_write_back = also_write_back

    def convert(self, value: Any, param: Any, ctx: Any) -> Topic:
        from integration.topology import SHORT_NAME_BY_TOPIC, Topic

        if isinstance(value, Topic):
            return value
        short_names = {
            name: topic
            for topic, name in SHORT_NAME_BY_TOPIC.items()
            if self._also_write_back or topic is not Topic.WRITE_BACK
        }
        by_name = {**short_names, **{topic.value: topic for topic in short_names.values()}}
        if value not in by_name:
            self.fail(f"there is no topic {value!r}; there are {', '.join(short_names)}")
        return by_name[value]


topic_option = click.option("--topic", type=TopicName(), help="Only this topic.")


def require_about_articles(topic: Topic | None) -> None:
    """Raises: UsageError for a topic that a pass over the articles cannot ask for."""
    from integration.toggles import ARTICLE_TOPICS
    from integration.topology import SHORT_NAME_BY_TOPIC

    if topic is not None and topic not in ARTICLE_TOPICS:
        raise UsageError(
            f"topic {SHORT_NAME_BY_TOPIC[topic]} is about orders, not about articles: it follows "
            "the events of the ERP, there is nothing to sync"
        )


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(headers: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str) -> None:
    """Aligned columns, the same on a terminal and in a pipe; `empty` where there is no row."""
    if not rows:
        click.echo(empty)
        return
    texts = [["-" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *texts, strict=True)]
    for line in (headers, *texts):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def nudge(settings: Settings) -> None:
    """Have what may go now looked for at once; a lost nudge costs the seconds until the sweep."""
    # An in-memory broker does not reach the process of `up`; its sweep looks by itself.
    if settings.broker_url.startswith("amqp"):
        from tasks.wake import DispatchPublisher

        # Here and now: the thread behind `wake` ends with this process, before it has published.
        DispatchPublisher()()


def note(session: Session, channel_id: int, words: str, topic: Topic | None = None) -> None:
    """Have the history know that a person did this to a channel."""
    from integration.history import recording

    recording.command(session, channel_id, words, getpass.getuser(), topic=topic)


def say(sentence: str) -> None:
    """What was done, for people: stderr, so that stdout holds data alone."""
    click.echo(sentence, err=True)


def indirect_value(source: str, what: str) -> str:
    """What ``-`` (stdin) or ``@file`` stands for, without the line's end.

    Raises: UsageError for an unreadable file, for nothing, and for a source of no kind.
    """
    if source == "-":
        text = _from_stdin(what)
    elif source.startswith("@"):
        text = _from_file(Path(source[1:]), what)
    else:
        raise UsageError(
            f"{what} is a secret and never an argument, which other users of this machine can "
            "read; give - to read it from standard input, or @file"
        )
    text = text.strip()
    if not text:
        raise UsageError(f"{what} is empty; nothing was stored")
    return text


def _from_stdin(what: str) -> str:
    if sys.stdin.isatty():
        typed: str = click.prompt(what, hide_input=True, err=True)
        return typed
    return sys.stdin.read()


def _from_file(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise UsageError(f"{what} cannot be read from {path}: {reason}") from error


def duration(seconds: float | None) -> str:
    """``12 s``, ``3 min``, ``2.5 h``; ``-`` for nothing."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"
