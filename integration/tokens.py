"""Access tokens in the database, shared by all processes, renewed by one of them at a time."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import or_, select, update

from integration import sql
from integration.clock import db_now
from integration.db import SessionScope
from integration.errors import Busy, TransientError
from integration.models import AccessToken
from integration.vault import Vault

#: A token is renewed at this share of its life, while it still works for the others.
RENEW_AT = 0.9
#: How long one process may take to renew; longer than the HTTP timeouts of one token call.
RENEW_LEASE_S = 60

#: How long a thread waits for another one that renews; longer, and its work gets a due time.
PATIENCE_S = 2.0
#: After a failed sign-in nobody asks again for so long while the old token is valid.
SIGN_IN_REST_S = 10.0
#: A sign-in that fails after so long hangs.
HANGS_S = 5.0
#: How long the ERP's rests then, although no token is left: each try costs a worker its time-outs.
#: A shop that hangs rests by its breaker.
HANGING_REST_S = 10.0

#: A token that was read so short a time ago is not asked for again: a batch may need many requests.
#: One that is refused meanwhile is dropped by whoever meets that.
KEPT_S = 10.0

#: What is read of a token.
COLUMNS = (
    AccessToken.token,
    AccessToken.renew_at,
    AccessToken.expires_at,
    db_now().label("now"),
)

#: One lock per token and process: threads wait for the one who renews instead of asking too.
_LOCKS: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class DbTokenStore:
    """The token `name` (``erp:<tenant id>``, ``shop:<channel id>``), sealed at rest."""

    def __init__(
        self,
        scope: SessionScope,
        vault: Vault,
        name: str,
        *,
        renew_lease_s: float = RENEW_LEASE_S,
        patience_s: float = PATIENCE_S,
        hanging_rest_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scope, self._vault, self._name, self._clock = scope, vault, name, clock
        self._renew_lease_s, self._patience_s = renew_lease_s, patience_s
        self._hanging_rest_s = hanging_rest_s
        #: The token that was read last, and until when it is believed.
        self._kept: tuple[str, float] | None = None

    def get(self, fetch: Callable[[], tuple[str, float]]) -> str:
        """The token; `fetch` gets a new one as (token, seconds of life).

        A sign-in that fails for now is overlooked while the old token is valid.
        Raises: Busy while somebody else renews and no valid token is left; what `fetch` raises.
        """
        if self._kept is not None and self._clock() < self._kept[1]:
            return self._kept[0]
        token = self._fresh()
        if token is not None:
            return token
        lock = _LOCKS[self._name]
        if not lock.acquire(timeout=self._patience_s):
            return self._still_valid()
        try:
            return self._fresh() or self._renew(fetch)
        finally:
            lock.release()

    def drop(self, token: str) -> None:
        """Forget `token`; a newer one that somebody fetched meanwhile stays."""
        self._kept = None
        with self._scope() as session:
            row = self._row(session)
            if row is not None and row.token and self._vault.open(row.token) == token:
                forget = self._change(token=None, renew_at=None, expires_at=None)
                session.execute(forget.where(AccessToken.token == row.token))

    def _renew(self, fetch: Callable[[], tuple[str, float]]) -> str:
        if not self._begin_renewal():
            return self._still_valid()
        began_at = self._clock()
        try:
            token, life_s = fetch()
        except TransientError:
            old = self._old_after_failure(self._clock() - began_at)
            if old is None:
                raise
            return old
        except BaseException:
            self._store(renewing_until=None)
            raise
        self._store(
            token=self._vault.seal(token),
            renew_at=db_now(life_s * RENEW_AT),
            expires_at=db_now(life_s),
            renewing_until=None,
        )
        return token

    def _old_after_failure(self, took_s: float) -> str | None:
        """The old token while it is valid, None without one; lets the sign-in rest."""
        try:
            old = self._still_valid()
        except Busy:
            old = None
        rest_s = self._hanging_rest_s if took_s >= HANGS_S else 0.0
        rest_s = max(rest_s, SIGN_IN_REST_S if old else 0.0)
        self._store(renewing_until=db_now(rest_s) if rest_s else None)
        return old

    def _fresh(self) -> str | None:
        with self._scope() as session:
            row = self._row(session)
        return None if row is None else self.read(row)

    def read(self, row: Any) -> str | None:
        """The token of a row with `COLUMNS`, if it is not to be renewed yet; `get` knows it then.

        Raises: UsageError for one that no key opens.
        """
        if row.token is None or row.renew_at is None or row.renew_at <= row.now:
            return None
        token = self._vault.open(row.token)
        fresh_s = (row.renew_at - row.now).total_seconds()
        self._kept = token, self._clock() + min(KEPT_S, fresh_s)
        return token

    def _still_valid(self) -> str:
        """Somebody else renews: the old token serves until it expires."""
        with self._scope() as session:
            row = self._row(session)
        if row is not None and row.token and row.expires_at and row.expires_at > row.now:
            return self._vault.open(row.token)
        raise Busy(f"the token {self._name} is being renewed", 1.0)

    def _begin_renewal(self) -> bool:
        with self._scope() as session:
            session.execute(
                sql.insert(session, AccessToken).values(name=self._name).on_conflict_do_nothing()
            )
            got = session.scalars(
                update(AccessToken)
                .where(
                    AccessToken.name == self._name,
                    or_(
                        AccessToken.renewing_until.is_(None),
                        AccessToken.renewing_until < db_now(),
                    ),
                )
                .values(renewing_until=db_now(self._renew_lease_s))
                .returning(AccessToken.name)
            ).all()
        return bool(got)

    def _row(self, session: Any) -> Any:
        return session.execute(select(*COLUMNS).where(AccessToken.name == self._name)).one_or_none()

    def _store(self, **values: Any) -> None:
        with self._scope() as session:
            session.execute(self._change(**values))

    def _change(self, **values: Any) -> Any:
        return update(AccessToken).where(AccessToken.name == self._name).values(**values)
