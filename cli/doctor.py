"""`vario-relay doctor`: everything that can be checked from here, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli.shared import Here, json_option, pass_here, print_json
from integration.errors import IntegrationError

if TYPE_CHECKING:
    from cli.findings import Finding


@click.command()
@click.argument("channel", metavar="[CHANNEL]", required=False)
@json_option
@pass_here
def doctor(here: Here, channel: str | None, as_json: bool) -> None:
    """Check the installation, all sales channels or one, their ERPs and their shops.

    Exit code 1 when a fault was found.
    """
    findings = list(_findings(here, channel))
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        for one in findings:
            click.echo(f"{'ok   ' if one.ok else 'FAULT'}  {one.check}: {one.detail}")
            if one.do:
                click.echo(f"       -> {one.do}")
    faults = sum(not one.ok for one in findings)
    if faults:
        word = "fault" if faults == 1 else "faults"
        raise IntegrationError(f"doctor found {faults} {word} in {len(findings)} checks")


def _findings(here: Here, channel: str | None) -> Iterator[Finding]:
    """Stops where the rest would only fail the same way."""
    from cli import doctor_catch_up, doctor_channel, doctor_here, doctor_tenant

    yield from (found := doctor_here.settings_findings(here))
    if not all(one.ok for one in found):
        return
    yield from (found := doctor_here.database_findings(here))
    if not all(one.ok for one in found):
        return
    yield from (found := doctor_here.secret_findings(here))
    if not all(one.ok for one in found):
        return
    yield doctor_here.broker_finding(here)
    runtime = here.runtime
    yield from doctor_catch_up.of_service(runtime)
    for label, tenant_id, channel_ids in doctor_tenant.chosen(runtime, channel):
        known = yield from doctor_tenant.findings(runtime, label, tenant_id)
        if not doctor_tenant.is_installed(runtime, tenant_id):
            continue
        for channel_id in channel_ids:
            yield from doctor_channel.findings(runtime, channel_id, known)
