"""Checks of what the ERP told of itself and of its sales channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from cli.findings import Finding
from integration import availability
from integration.models import SalesChannel, Tenant

if TYPE_CHECKING:
    from integration.runtime import Runtime


def offline(runtime: Runtime, label: str, tenant_id: int) -> Iterator[Finding]:
    """An ERP that went away and did not say that it is back."""
    with runtime.scope() as session:
        sentence = availability.sentence(session.get_one(Tenant, tenant_id).offline_since)
    if sentence:
        do = "nothing, unless it lasts; then ask the merchant or the ERP's vendor"
        yield Finding(f"tenant {label} availability", False, sentence, do)


def waiting(
    runtime: Runtime, label: str, tenant_id: int, known: dict[str, str]
) -> Iterator[Finding]:
    """Sales channels of the app that nobody added here. No fault: perhaps nobody wants them."""
    with runtime.scope() as session:
        ours = session.scalars(
            select(SalesChannel.erp_id).where(SalesChannel.tenant_id == tenant_id)
        ).all()
    for erp_id, name in known.items():
        if erp_id not in ours:
            yield Finding(
                f"tenant {label} sales channel {erp_id}",
                True,
                f"{name or 'without a name'}: the app has it in the ERP, and it is not added here",
                f"`vario-relay channel add {erp_id} --tenant {label} --platform ...` adds it",
            )
