"""`vario-relay secrets`: the key that secrets are stored under."""

from __future__ import annotations

import click

from cli.shared import Here, pass_here, say


@click.group()
def secrets() -> None:
    """The key that secrets are stored under."""


@secrets.command()
@pass_here
def rotate(here: Here) -> None:
    """Encrypt every stored secret anew, under the first key of RELAY_SECRET_KEY.

    Put the new key before the old one, restart the service, rotate, then take the old one away.
    """
    from integration import stored_secrets

    runtime = here.runtime
    with runtime.scope() as session:
        count = stored_secrets.reseal_all(session, runtime.vault)
    say(f"{count} stored secrets are encrypted under the first key of RELAY_SECRET_KEY")
