"""What was asked of an ERP or a shop once and is remembered: for a day, unless it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, null, select
from sqlalchemy.orm import Session

from integration import sql
from integration.clock import db_now
from integration.db import SessionScope
from integration.models import ChannelFact, TenantFact

#: Columns, tax rates and currencies change rarely; a day bounds how long a change goes unseen.
LIFE_S = 86_400
#: Facts whose name begins with it hold until another value is put.
LASTING = "lasting:"


class _Facts:
    def __init__(
        self,
        scope: SessionScope,
        model: Any,
        owner: Any,
        owner_id: int,
        known: Mapping[str, Any] | None = None,
    ) -> None:
        self._scope, self._model, self._owner, self._owner_id = scope, model, owner, owner_id
        self._known = dict(known or {})

    def get(self, name: str) -> Any | None:
        """The remembered value, None when it is unknown, or older than a day and not lasting."""
        if name in self._known:
            return self._known[name]
        wanted = select(self._model.value).where(
            self._owner == self._owner_id, self._model.name == name
        )
        if not name.startswith(LASTING):
            wanted = wanted.where(self._model.learnt_at > db_now(-LIFE_S))
        with self._scope() as session:
            return session.scalar(wanted)

    def put(self, name: str, value: Any) -> None:
        """Remember `value` (JSON)."""
        self._known.pop(name, None)
        with self._scope() as session:
            remember(session, self._owner, self._owner_id, name, value)


def tenant_facts(
    scope: SessionScope, tenant_id: int, known: Mapping[str, Any] | None = None
) -> _Facts:
    """Facts of a tenant's ERP. `known`: by name, those that were read a moment ago."""
    return _Facts(scope, TenantFact, TenantFact.tenant_id, tenant_id, known)


def of_tenant(tenant_id: ColumnElement[int], name: str | None) -> ColumnElement[Any]:
    """A tenant's fact as one column of a SELECT; NULL where `get` gives None."""
    if name is None:
        return null()
    fact = TenantFact.__table__.c
    return (
        select(fact.value)
        .where(fact.tenant_id == tenant_id, fact.name == name, fact.learnt_at > db_now(-LIFE_S))
        .scalar_subquery()
    )


def channel_facts(scope: SessionScope, channel_id: int) -> _Facts:
    """Facts of a shop."""
    return _Facts(scope, ChannelFact, ChannelFact.channel_id, channel_id)


def remember(session: Session, owner: Any, owner_id: int, name: str, value: Any) -> None:
    """Remember `value` (JSON) in the caller's transaction.

    `owner`: the column that says whose fact it is, of ChannelFact or TenantFact.
    """
    statement = _insert(session, owner, owner_id, name, value)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[owner.key, "name"],
            set_={"value": statement.excluded.value, "learnt_at": db_now()},
        )
    )


def stored(session: Session, owner: Any, owner_id: int, name: str) -> Any:
    """The remembered value, however old; None where there is none. `owner` as in `remember`."""
    model = owner.class_
    return session.scalar(select(model.value).where(owner == owner_id, model.name == name))


def take_turn(
    session: Session, owner: Any, owner_id: int, name: str, *, every_s: float, first: Any
) -> bool:
    """Be the one who does something now; False when somebody was less than `every_s` ago.

    The fact's age says when that was. `first`: its value where nobody was before; a turn leaves it
    as it is. `owner` as in `remember`.
    """
    statement = _insert(session, owner, owner_id, name, first)
    taken = session.scalars(
        statement.on_conflict_do_update(
            index_elements=[owner.key, "name"],
            set_={"learnt_at": db_now()},
            where=owner.class_.learnt_at < db_now(-every_s),
        ).returning(owner)
    ).all()
    return bool(taken)


def _insert(session: Session, owner: Any, owner_id: int, name: str, value: Any) -> Any:
    return sql.insert(session, owner.class_).values(
        **{owner.key: owner_id}, name=name, value=value, learnt_at=db_now()
    )
