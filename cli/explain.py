"""`vario-relay explain`: why an article is not, or not rightly, in the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.shared import Here, channel_argument, json_option, pass_here, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.explaining.report import Explanation
    from integration.explaining.texts import Language
    from integration.explaining.timeline import Entry

#: How a link looks: broken, not looked at, well.
MARKS = {False: "BROKEN", None: "?", True: "ok"}
HEADERS = {
    "en": (("LINK", "", "WHAT"), ("WHEN", "TOPIC", "WHAT"), "nothing is recorded of it"),
    "de": (("GLIED", "", "WAS"), ("WANN", "THEMA", "WAS"), "über ihn ist nichts verzeichnet"),
}


@click.command()
@channel_argument
@click.argument("article", metavar="ARTICLE")
@click.option("--live", is_flag=True, help="Ask the ERP and the shop, too; changes nothing.")
@click.option("--lang", type=click.Choice(["en", "de"]), default="en", help="Language of the text.")
@json_option
@pass_here
def explain(here: Here, channel: str, article: str, live: bool, lang: str, as_json: bool) -> None:
    """Say why an article is not, or not rightly, in the shop, and who must act.

    ARTICLE is the ERP's id, the article number or an EAN. First comes what is broken first on the
    way from the ERP to the shop, then every link of the way, then what happened and when. Without
    --live only our own records are read; an article that they do not know is looked up in the ERP.
    Exit code 0 whatever was found; 2 for a channel that there is not.
    """
    from integration.explaining import collecting, report
    from integration.explaining.texts import Language

    facts = collecting.collect(here.runtime, channel, article, is_live=live)
    found = report.explain(facts, Language[lang.upper()])
    if as_json:
        print_json(found.as_json())
    else:
        _print(found, lang)


def _print(found: Explanation, lang: str) -> None:
    links, times, nothing = HEADERS[lang]
    click.echo(f"{found.cause.value} ({found.verdict.who.value}): {found.sentence}\n")
    print_table(
        links,
        [(one.name, MARKS[one.ok], found.detail(one)) for one in found.links],
        empty="",
    )
    click.echo()
    print_table(times, timeline_rows(found.entries, found.language), empty=nothing)


def timeline_rows(
    entries: Sequence[Entry], language: Language
) -> list[tuple[str | None, str | None, str]]:
    """When, the topic, and what happened."""
    from integration.explaining.report import happened
    from integration.topology import SHORT_NAME_BY_TOPIC

    return [
        (
            None if one.at is None else f"{one.at:%Y-%m-%d %H:%M:%S} UTC",
            None if one.topic is None else SHORT_NAME_BY_TOPIC[one.topic],
            happened(one, language),
        )
        for one in entries
    ]
