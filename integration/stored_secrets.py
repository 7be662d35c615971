"""Every place where the database holds a sealed secret: to reseal them all, to test the key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration.models import AccessToken, ChannelParameter, Tenant
from integration.vault import Vault


def reseal_all(session: Session, vault: Vault) -> int:
    """Seal every secret under the vault's first key; their number.

    Failure policy: all or none, in the caller's transaction.
    Raises: UsageError if one of them cannot be opened.
    """
    count = 0
    for row, name in _sealed(session):
        setattr(row, name, vault.reseal(getattr(row, name)))
        count += 1
    return count


def open_all(session: Session, vault: Vault) -> int:
    """Open every secret and forget it again; their number. Raises: UsageError for a wrong key."""
    count = 0
    for row, name in _sealed(session):
        vault.open(getattr(row, name))
        count += 1
    return count


def _sealed(session: Session) -> Iterator[tuple[Any, str]]:
    """(row, name of its sealed column)"""
    for tenant in session.scalars(
        select(Tenant).where(Tenant.offline_token.is_not(None)).with_for_update()
    ):
        yield tenant, "offline_token"
    for parameter in session.scalars(
        select(ChannelParameter).where(ChannelParameter.is_secret.is_(True)).with_for_update()
    ):
        yield parameter, "value"
    for token in session.scalars(
        select(AccessToken).where(AccessToken.token.is_not(None)).with_for_update()
    ):
        yield token, "token"
