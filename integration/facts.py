"""What was asked of an ERP or a shop once and is remembered for a day."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from integration import sql
from integration.clock import db_now
from integration.db import SessionScope
from integration.models import ChannelFact, TenantFact

#: Columns, tax rates and currencies change rarely; a day bounds how long a change goes unseen.
LIFE_S = 86_400


class _Facts:
    def __init__(self, scope: SessionScope, model: Any, owner: Any, owner_id: int) -> None:
        self._scope, self._model, self._owner, self._owner_id = scope, model, owner, owner_id

    def get(self, name: str) -> Any | None:
        """The remembered value, None when it is unknown or older than a day."""
        with self._scope() as session:
            return session.scalar(
                select(self._model.value).where(
                    self._owner == self._owner_id,
                    self._model.name == name,
                    self._model.learnt_at > db_now(-LIFE_S),
                )
            )

    def put(self, name: str, value: Any) -> None:
        """Remember `value` (JSON)."""
        with self._scope() as session:
            statement = sql.insert(session, self._model).values(
                **{self._owner.key: self._owner_id},
                name=name,
                value=value,
                learnt_at=db_now(),
            )
            session.execute(
                statement.on_conflict_do_update(
                    index_elements=[self._owner.key, "name"],
                    set_={"value": statement.excluded.value, "learnt_at": db_now()},
                )
            )


def tenant_facts(scope: SessionScope, tenant_id: int) -> _Facts:
    """Facts of a tenant's ERP."""
    return _Facts(scope, TenantFact, TenantFact.tenant_id, tenant_id)


def channel_facts(scope: SessionScope, channel_id: int) -> _Facts:
    """Facts of a shop."""
    return _Facts(scope, ChannelFact, ChannelFact.channel_id, channel_id)
