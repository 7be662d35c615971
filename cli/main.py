"""The `vario-relay` command and what all its commands do with errors.

Command modules load only click; what a command works with is imported when it runs, so that help
and refusals are quick.
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click

from cli.channel import channel
from cli.channel_parameters import set_parameters
from cli.channel_remove import remove_channel
from cli.database import db
from cli.demo_command import demo
from cli.doctor import doctor
from cli.explain import explain
from cli.history import history
from cli.init import init
from cli.mapping import mapping
from cli.queue import queue
from cli.queue_hold import hold
from cli.reconcile import reconcile
from cli.sandboxes import sandbox
from cli.secrets_command import secrets
from cli.shop_edit import shop_edit
from cli.sync import sync
from cli.tenant import tenant
from cli.toggle import toggle
from cli.up import up
from integration.errors import IntegrationError, UsageError
from integration.memory import collect_seldom

FAILED, WRONG_USAGE = 1, 2


class RelayGroup(click.Group):
    """Turns every planned error into one sentence on stderr and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:  # type: ignore[override]
        kwargs["standalone_mode"] = False
        collect_seldom()
        try:
            code = super().main(*args, **kwargs)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(WRONG_USAGE)
        except click.UsageError as error:
            _refuse(_usage(error), WRONG_USAGE)
        except click.Abort:
            _refuse("interrupted", FAILED)
        except click.ClickException as error:
            _refuse(error.format_message(), error.exit_code)
        except IntegrationError as error:
            _refuse(str(error), WRONG_USAGE if isinstance(error, UsageError) else FAILED)
        except Exception as error:
            sentence = _outside(error)
            if sentence is None:
                raise
            _refuse(sentence, FAILED)
        sys.exit(code if isinstance(code, int) else 0)


def _refuse(sentence: str, code: int) -> NoReturn:
    click.echo(f"vario-relay: {' '.join(sentence.split())}", err=True)
    sys.exit(code)


def _usage(error: click.UsageError) -> str:
    sentence = error.format_message().rstrip(".")
    if error.ctx is None:
        return sentence
    return f"{sentence}; `{error.ctx.command_path} --help` shows how"


def _outside(error: Exception) -> str | None:
    """A sentence for what database and file system refuse; None: nobody planned for it."""
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from integration.observe import masked

    if isinstance(error, DBAPIError):
        lines = str(error.orig).strip().splitlines() or [type(error).__name__]
        return masked(f"the database cannot be used: {lines[0]}")
    if isinstance(error, ArgumentError):
        return "settings: RELAY_DATABASE_URL is not the address of a database"
    if isinstance(error, OSError):
        return masked(str(error))
    return None


@click.group(name="vario-relay", cls=RelayGroup)
@click.version_option(package_name="vario-relay", prog_name="vario-relay")
def main() -> None:
    """Carries every change of articles, prices and stock from VARIO Cloud to the shop.

    CHANNEL is the ERP's sales channel id, tenant/id where that is not unique. Errors go to
    stderr, data to stdout, as JSON with --json. Exit codes: 0 done, 1 failed or a fault found,
    2 wrong usage, 3 a plan shows drift (--fail-on-drift) or a held change needs a decision.
    """


channel.add_command(set_parameters)
channel.add_command(remove_channel)
queue.add_command(hold)
for _command in (
    init, demo, up, doctor, db, secrets, sandbox, tenant, channel, toggle, mapping, sync,
    reconcile, queue, explain, history, shop_edit,
):  # fmt: skip
    main.add_command(_command)

if __name__ == "__main__":
    main()
