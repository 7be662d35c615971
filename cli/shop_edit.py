"""`vario-relay shop-edit`: what people changed in a shop, and what is decided about it."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from cli.shared import (
    Here,
    article_of,
    channel_argument,
    json_option,
    note,
    nudge,
    pass_here,
    print_json,
    print_table,
    say,
)
from integration.errors import UsageError

if TYPE_CHECKING:
    from integration.field_ownership import Field

#: An edit waits for a decision.
UNDECIDED = 3

article_argument = click.argument("article", metavar="[ARTICLE]", required=False)
field_option = click.option(
    "--field", "name", metavar="FIELD", help="Of this field alone; without an ARTICLE, of all."
)


@click.group("shop-edit")
def shop_edit() -> None:
    """Fields that somebody changed in the shop: show them, send the ERP's value, or leave them.

    Of which fields an edit counts is said with `channel set CHANNEL own.FIELD=...`.
    """


@shop_edit.command("list")
@channel_argument
@json_option
@pass_here
def list_edits(here: Here, channel: str, as_json: bool) -> int:
    """Show what was changed in the shop and is left alone there since.

    Exit code 3 when something waits for a decision (own.FIELD=ask).
    """
    from integration import channels, shop_edits
    from integration.field_ownership import field_of

    with here.runtime.scope() as session:
        channel_id = channels.find(session, channel).id
        owners = shop_edits.owners(session, channel_id)
        found = shop_edits.of_channel(session, channel_id)
    rows = [
        {
            "article": one.article_id,
            "number": one.number,
            "field": one.field,
            "shown": one.shown,
            "noticed_at": one.noticed_at.isoformat(),
            "own": owners[field_of(one.field)].value,
            "kept_by": one.kept_by,
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("ARTICLE", "NUMBER", "FIELD", "SHOP SHOWS", "NOTICED", "OWN", "KEPT BY"),
            [tuple(one.values()) for one in rows],
            empty="nothing that was changed in the shop is known",
        )
    waits = any(shop_edits.is_undecided(one, owners) for one in found)
    return UNDECIDED if waits else 0


@shop_edit.command("overwrite")
@channel_argument
@article_argument
@field_option
@pass_here
def overwrite(here: Here, channel: str, article: str | None, name: str | None) -> None:
    """Send the ERP's values of edited fields again, of an ARTICLE or of all with --field."""
    from integration import channels, shop_edits

    field = _field(name, article)
    article_id = None if article is None else article_of(here.runtime, channel, article).id
    with here.runtime.scope() as session:
        channel_id = channels.find(session, channel).id
        count = shop_edits.overwrite(session, channel_id, article_id=article_id, field=field)
        note(session, channel_id, f"shop-edit overwrite {article or name}")
    if count:
        nudge(here.settings)
    say(f"{count} edited fields of sales channel {channel} are the ERP's again")


@shop_edit.command("keep")
@channel_argument
@article_argument
@field_option
@pass_here
def keep(here: Here, channel: str, article: str | None, name: str | None) -> None:
    """Say that the shop's values of edited fields are right, of an ARTICLE or of all with --field.

    They are not sent any more, and nobody is asked again.
    """
    from integration import channels, shop_edits

    field = _field(name, article)
    article_id = None if article is None else article_of(here.runtime, channel, article).id
    with here.runtime.scope() as session:
        channel_id = channels.find(session, channel).id
        count = shop_edits.keep(
            session, channel_id, article_id=article_id, field=field, by=getpass.getuser()
        )
        note(session, channel_id, f"shop-edit keep {article or name}")
    say(f"{count} edited fields of sales channel {channel} stay as they are in the shop")


def _field(name: str | None, article: str | None) -> Field | None:
    from integration.field_ownership import Field

    if name is None:
        if article is None:
            raise UsageError("name an ARTICLE, or a --field for all articles")
        return None
    if name not in set(Field):
        raise UsageError(f"there is no field {name!r}; there are {', '.join(Field)}")
    return Field(name)
