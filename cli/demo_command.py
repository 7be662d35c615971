"""`vario-relay demo`: a catalogue from a sandbox ERP into a sandbox shop, and a comparison."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--articles", type=click.IntRange(min=1), default=1_000, show_default=True)
@click.option("--platform", default="shopware6", show_default=True, help="The sandbox shop.")
@click.option(
    "--catalogue",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A product export (CSV) in place of generated articles.",
)
@click.option("--keep", is_flag=True, help="Leave the database and the logs, and say where.")
@click.option("--distributed", is_flag=True, help="With Postgres, RabbitMQ and own workers.")
@click.option(
    "--profile",
    type=click.Choice(["columns", "rest"]),
    default="columns",
    show_default=True,
    help="What the sandbox ERP offers by query.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same data.")
@click.pass_context
def demo(
    ctx: click.Context,
    articles: int,
    platform: str,
    catalogue: Path | None,
    keep: bool,
    distributed: bool,
    profile: str,
    seed: int,
) -> None:
    """Carry a catalogue from a sandbox ERP into a sandbox shop, and compare both."""
    from cli.demo import Options, run_demo

    ctx.exit(run_demo(Options(articles, platform, catalogue, keep, distributed, profile, seed)))
