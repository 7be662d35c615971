"""`vario-relay toggle`: which topics of a channel may travel."""

from __future__ import annotations

import click

from cli.shared import (
    Here,
    TopicName,
    channel_argument,
    json_option,
    note,
    pass_here,
    print_json,
    print_table,
    say,
)
from integration.topology import SHORT_NAME_BY_TOPIC, TOGGLE_BY_TOPIC, Topic


@click.group()
def toggle() -> None:
    """Transfer toggles: which topics of a channel may travel."""


@toggle.command("list")
@channel_argument
@json_option
@pass_here
def list_toggles(here: Here, channel: str, as_json: bool) -> None:
    """Show the toggles of a channel."""
    from integration import channels, served, toggles

    with here.runtime.scope() as session:
        found = channels.find(session, channel)
        states = toggles.states(session, found.id)
    carried = served.carried(found.platform)
    rows = [
        {
            "topic": SHORT_NAME_BY_TOPIC[topic],
            "toggle": TOGGLE_BY_TOPIC[topic],
            "is_on": is_on,
            "is_carried": carried is None or topic in carried,
        }
        for topic, is_on in states.items()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("TOPIC", "TOGGLE", "STATE"),
        [
            (
                row["topic"],
                row["toggle"],
                ("on" if row["is_on"] else "off")
                + ("" if row["is_carried"] else f", not carried to {found.platform}"),
            )
            for row in rows
        ],
        empty="",
    )


@toggle.command("on")
@channel_argument
@click.argument("topic", type=TopicName())
@pass_here
def switch_on(here: Here, channel: str, topic: Topic) -> None:
    """Let a topic travel; what changed while it was off goes now."""
    _switch(here, channel, topic, is_on=True)


@toggle.command("off")
@channel_argument
@click.argument("topic", type=TopicName())
@pass_here
def switch_off(here: Here, channel: str, topic: Topic) -> None:
    """Keep a topic back; its changes are collected and lost by nobody."""
    _switch(here, channel, topic, is_on=False)


def _switch(here: Here, channel: str, topic: Topic, *, is_on: bool) -> None:
    from integration import channels, toggles

    with here.runtime.scope() as session:
        channel_id = channels.find(session, channel).id
        toggles.switch(session, channel_id, topic, is_on)
        words = f"toggle {'on' if is_on else 'off'} {SHORT_NAME_BY_TOPIC[topic]}"
        note(session, channel_id, words, topic)
    state = "on" if is_on else "off, its changes are kept"
    say(f"topic {SHORT_NAME_BY_TOPIC[topic]} of sales channel {channel} is {state}")
