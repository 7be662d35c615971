"""`vario-relay mapping`: what the shop calls values of the ERP."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import mapping_files
from cli.mapping_files import FORMATS
from cli.shared import (
    Here,
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
    from collections.abc import Sequence

    from integration.mapping_changes import Changed
    from integration.mapping_kinds import Kind
    from integration.mapping_report import Line
    from integration.mappings import Entry


class KindName(click.ParamType):
    """A kind of mapping by its name."""

    name = "KIND"

    def convert(self, value: Any, param: Any, ctx: Any) -> Kind:
        from integration.mapping_kinds import Kind

        if value not in set(Kind):
            self.fail(f"there is no kind {value!r}; there are {', '.join(Kind)}")
        return Kind(value)


kind_argument = click.argument("kind", type=KindName())
erp_value_argument = click.argument("erp_value", metavar="ERP-VALUE")
unchecked_option = click.option(
    "--unchecked", is_flag=True, help="Ask neither the ERP nor the shop."
)
format_option = click.option(
    "--format", "form", type=click.Choice(FORMATS), help="Default: by the file's name, else csv."
)


@click.group()
def mapping() -> None:
    """What the shop calls values of the ERP: taxes, units, categories and more.

    KIND is tax, category, customer-group, price-group, carrier, language, unit, storage-location or
    manufacturer. Values are ids, of a manufacturer of the ERP its name; a name that only one of
    them has will do.
    """


@mapping.command("list")
@channel_argument
@click.option("--kind", type=KindName(), help="Only this kind.")
@unchecked_option
@json_option
@pass_here
def list_mappings(
    here: Here, channel: str, kind: Kind | None, unchecked: bool, as_json: bool
) -> None:
    """Show what is set, what is missing and which articles need it, with suggestions.

    STATE: set; left-out (mapped to -); missing (HELD changes wait for it); by-rate (a tax without
    a mapping: the shop's tax of the same rate counts); by-default (a carrier that deliveries named,
    without a mapping); not-in-erp and not-in-shop (there is no such thing any more).
    """
    from integration import carriers, channels, hold_report, mapping_report, mappings
    from integration.mapping_kinds import Kind
    from integration.mapping_sides import Sides

    runtime = here.runtime
    with runtime.scope() as session:
        channel_id = channels.find(session, channel).id
        stored = mappings.entries(session, channel_id)
        held = hold_report.groups(session, channel_id)
    view = runtime.channel(channel_id)
    with runtime.scope() as session:
        named = carriers.seen(session, view.tenant_id)
    sides = None if unchecked else Sides(runtime, view)
    kinds = tuple(Kind) if kind is None else (kind,)
    report = mapping_report.report(stored, held, sides, kinds, named)
    if as_json:
        print_json([_described(one) for one in report.lines])
    else:
        _print_lines(view.label, report.lines)
    for sentence in report.unchecked:
        say(f"not checked: {sentence}")


def _described(one: Line) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "erp_value": one.erp_value,
        "erp_label": one.erp_label,
        "shop_value": one.shop_value,
        "shop_label": one.shop_label,
        "state": one.state.value,
        "held": one.held,
        "examples": list(one.examples),
        "candidates": [{"id": each.id, "label": each.label} for each in one.candidates],
    }


def _print_lines(channel: str, lines: Sequence[Line]) -> None:
    from integration.mapping_report import State

    print_table(
        ("KIND", "ERP", "SHOP", "STATE", "HELD", "ARTICLES"),
        [
            (
                one.kind.value,
                _named(one.erp_value, one.erp_label),
                _named(one.shop_value, one.shop_label),
                one.state.value,
                one.held or "-",
                ", ".join(one.examples) or "-",
            )
            for one in lines
        ],
        empty="nothing is mapped, and nothing held needs a mapping",
    )
    for one in lines:
        if one.state in (State.MISSING, State.BY_DEFAULT):
            for each in one.candidates:
                words = (channel, one.kind.value, one.erp_value, each.id)
                click.echo(f"vario-relay mapping set {shlex.join(words)}  # {each.label}")


def _named(value: str | None, label: str | None) -> str:
    if value is None:
        return "-"
    return f"{value} ({label})" if label and label != value else value or '""'


@mapping.command("set")
@channel_argument
@kind_argument
@erp_value_argument
@click.argument("shop_value", metavar="SHOP-VALUE")
@unchecked_option
@pass_here
def set_mapping(
    here: Here, channel: str, kind: Kind, erp_value: str, shop_value: str, unchecked: bool
) -> None:
    """Say what the shop calls a value of the ERP; what waited for it goes at once.

    Both values must be there, as far as ERP and shop can tell. A unit is mapped to kg, g or its
    kilograms. A category or a group that the shop shall not have is mapped to -: articles go
    without it.
    """
    from integration.mapping_kinds import LEFT_OUT
    from integration.mappings import Entry

    (entry,), changed = _put(here, channel, [Entry(kind, erp_value, shop_value)], unchecked)
    is_left_out = entry.shop_value == LEFT_OUT
    then = "is left out" if is_left_out else f"is {entry.shop_value} in the shop"
    what = f"{kind.value} {entry.erp_value} of sales channel {channel}"
    say(f"{what} {then}{_followed(changed)}")


@mapping.command("remove")
@channel_argument
@kind_argument
@erp_value_argument
@pass_here
def remove_mapping(here: Here, channel: str, kind: Kind, erp_value: str) -> None:
    """Forget what the shop calls a value of the ERP: later changes that need it are held.

    A tax without a mapping is again the one of the same rate, where the shop has it.
    """
    from integration import channels, mapping_changes
    from integration.mapping_kinds import key

    with here.runtime.scope() as session:
        found = channels.find(session, channel)
        if not mapping_changes.remove(session, found.id, kind, key(erp_value)):
            raise UsageError(f"{kind.value} {erp_value} of sales channel {channel} is not mapped")
        note(session, found.id, f"mapping remove {kind.value} {erp_value}")
    say(f"{kind.value} {erp_value} of sales channel {channel} is not mapped any more")


@mapping.command("import")
@channel_argument
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True))
@format_option
@unchecked_option
@pass_here
def import_mappings(here: Here, channel: str, file: str, form: str | None, unchecked: bool) -> None:
    """Set all mappings of a file, or none; - is standard input.

    CSV with the columns kind, erp_value, shop_value, or JSON, as `mapping export` writes them.
    What is set and not in the file stays.
    """
    wanted = mapping_files.read(_text(file), _form(file, form))
    entries, changed = _put(here, channel, wanted, unchecked)
    say(
        f"{len(entries)} mappings of sales channel {channel} are set, {changed.entries} of them "
        f"are new or different{_followed(changed)}"
    )


@mapping.command("export")
@channel_argument
@click.argument(
    "file", metavar="[FILE]", required=False, default="-", type=click.Path(dir_okay=False)
)
@click.option("--kind", type=KindName(), help="Only this kind.")
@format_option
@pass_here
def export_mappings(
    here: Here, channel: str, file: str, kind: Kind | None, form: str | None
) -> None:
    """Write what is set to a file or to standard output, for `mapping import`."""
    from integration import channels, mappings
    from integration.mapping_kinds import Kind

    kinds = tuple(Kind) if kind is None else (kind,)
    with here.runtime.scope() as session:
        entries = mappings.entries(session, channels.find(session, channel).id, kinds)
    text = mapping_files.written(entries, _form(file, form))
    if file == "-":
        click.echo(text, nl=False)
    else:
        Path(file).write_text(text, encoding="utf-8")
        say(f"{len(entries)} mappings of sales channel {channel} are in {file}")


def _put(
    here: Here, channel: str, wanted: Sequence[Entry], unchecked: bool
) -> tuple[list[Entry], Changed]:
    """Check the entries and store all of them; nothing is stored when one is wrong."""
    from integration import channels, mapping_changes
    from integration.mapping_sides import Sides, checked

    runtime = here.runtime
    with runtime.scope() as session:
        channel_id = channels.find(session, channel).id
    entries = list(wanted)
    if not unchecked:
        sides = Sides(runtime, runtime.channel(channel_id))
        results = [checked(sides, one) for one in entries]
        entries = [entry for entry, _ in results]
        for sentence in dict.fromkeys(one for _, notes in results for one in notes):
            say(sentence)
    with runtime.scope() as session:
        changed = mapping_changes.put(session, channel_id, entries)
        named = [f"{one.kind.value} {one.erp_value}={one.shop_value}" for one in entries]
        note(session, channel_id, f"mapping set {', '.join(named)}")
    if changed.released:
        nudge(here.settings)
    return entries, changed


def _followed(changed: Changed) -> str:
    parts = []
    if changed.released:
        parts.append(f"{changed.released} changes that waited for it go now")
    if changed.asks_for_all:
        parts.append("what was sent under another value is compared and sent again")
    return "".join(f"; {part}" for part in parts)


def _form(file: str, form: str | None) -> str:
    return form or ("json" if file.lower().endswith(".json") else "csv")


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not a text in UTF-8") from error
