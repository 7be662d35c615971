"""`vario-relay sandbox`: stand-ins for the ERP and the shops, to try things without either."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from integration.errors import IntegrationError, UsageError

port_option = click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="A free one when not given."
)


@click.group()
def sandbox() -> None:
    """Stand-ins for the ERP and the shops, on this machine only."""


@sandbox.command()
@port_option
@click.option("--articles", type=click.IntRange(min=1), help="How many articles are generated.")
@click.option(
    "--catalogue",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A product export (CSV) in place of generated articles.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same data.")
@click.option(
    "--profile",
    type=click.Choice(["columns", "rest"]),
    default="columns",
    show_default=True,
    help="What the ERP offers by query; rest: only what is attested.",
)
@click.option(
    "--illustrated",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many articles have images at the start.",
)
@click.option("--domain", default="vario.cloud", show_default=True, help="The domain in `iss`.")
def erp(port: int, articles: int | None, catalogue: Path | None, **others: Any) -> None:
    """Run a sandbox ERP until it is interrupted; prints one JSON line when it is ready."""
    from sandbox.erp import serve

    if articles is not None and catalogue is not None:
        raise UsageError("--articles and --catalogue exclude each other")
    content: dict[str, Any] = {"catalogue": catalogue}
    if articles is not None:
        content["articles"] = articles
    _serve(lambda: serve(port=port, **content, **others))


@sandbox.command()
@click.option("--platform", required=True, help="The platform, e.g. shopware6.")
@port_option
def shop(platform: str, port: int) -> None:
    """Run a sandbox shop until it is interrupted; prints one JSON line when it is ready."""
    from sandbox import shops

    try:
        module = shops.module_of(platform)
    except ValueError as error:
        raise UsageError(str(error)) from error
    _serve(lambda: module.serve(port))


def _serve(serve: Callable[[], None]) -> None:
    try:
        serve()
    except (OSError, ValueError) as error:
        raise IntegrationError(f"the sandbox cannot start: {error}") from error
