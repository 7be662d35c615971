"""What commands say of the comparison of the ERP's columns with its REST answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.findings import Finding
from cli.shared import say
from integration import column_checks
from integration.errors import IntegrationError, Throttled

if TYPE_CHECKING:
    from integration.runtime import Runtime

#: A doctor that runs after another one, or after `channel resume`, does not ask all again.
JUST_NOW_S = 3_600.0


def check_before_work(runtime: Runtime, channel_id: int) -> None:
    """Compare the columns of a channel that is about to move, unless that was done today.

    Failure policy: an ERP that cannot be asked stops no channel. A new one is read article by
    article until the comparison is made up for.
    """
    with runtime.scope() as session:
        is_fresh = column_checks.is_fresh(session, channel_id)
    if is_fresh:
        return
    try:
        found = column_checks.check(runtime, channel_id)
    except IntegrationError as error:
        say(
            f"warning: the ERP's columns could not be compared with its own answers ({error}); "
            "that is made up for when the channel runs"
        )
        return
    for one in found:
        say(f"{one.read}: {column_checks.sentence(one, runtime.settings.erp_budget)}")


def findings(runtime: Runtime, label: str, channel_id: int) -> Iterator[Finding]:
    """One per read whose columns the ERP offers. Columns that differ are no fault: the channel is
    right without them, and slower."""
    with runtime.scope() as session:
        is_fresh = column_checks.is_fresh(session, channel_id, JUST_NOW_S)
    try:
        if not is_fresh:
            column_checks.check(runtime, channel_id)
    except IntegrationError as error:
        is_fault = not isinstance(error, Throttled)
        do = "run `vario-relay doctor` again when the ERP has time"
        yield Finding(f"{label} columns", not is_fault, f"not compared to the end: {error}", do)
    for one in column_checks.findings_of(runtime.channel(channel_id).column_findings):
        detail = column_checks.sentence(one, runtime.settings.erp_budget)
        do = (
            "" if one.agrees or not one.difference else "show VARIO the article; nothing else to do"
        )
        yield Finding(f"{label} columns of {one.read}", True, detail, do)
