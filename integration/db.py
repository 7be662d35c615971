"""Engine and sessions: Postgres or SQLite, one engine per process, disposed after a fork.

SQLite runs in WAL mode and every session begins IMMEDIATE: readers never wait, writers queue.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from integration import settings

#: How long a SQLite writer waits for another one; longer than any of our transactions.
SQLITE_BUSY_S = 30

POSTGRES_CONNECT = {"connect_timeout": 5}

#: A connection that was used so short a time ago needs no test: no server restarts within it.
IDLE_S = 0.1
_USED_AT = "used_at"

#: The database is away, busy or asked us to try again; nothing is wrong with the work.
TROUBLE = (OperationalError, InterfaceError, PoolTimeout)

_AFTER_COMMIT = "after_commit"

#: Opens a session and commits it; what functions of the domain take to reach the database.
SessionScope = Callable[[], AbstractContextManager[Session]]


def build_engine(url: str, *, idle_s: float = IDLE_S) -> Engine:
    """An engine for `url` with our pragmas; connects only when used.

    `idle_s`: after so long a connection to Postgres is tested before it is used.
    """
    engine = _engine(make_url(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "begin", _begin_immediate)
    else:
        _ask_idle_connections(engine, idle_s)
    return engine


def build_intake_engine(engine: Engine) -> Engine:
    """An engine on the same database for single statements, each of which is a transaction.

    For webhooks: a round trip less to begin, to commit and to see whether the server is there.
    Who uses it meets a server that was restarted, and tries again (integration.hints).
    """
    # On SQLite no transaction is begun, so none can be begun the wrong way.
    return _engine(engine.url, isolation_level="AUTOCOMMIT")


def _engine(url: URL, **options: Any) -> Engine:
    """What all engines of a database have in common."""
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url, pool_size=10, max_overflow=20, connect_args=POSTGRES_CONNECT, **options
        )
    engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_S}, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _ask_idle_connections(engine: Engine, idle_s: float) -> None:
    """Let no transaction begin on a connection that the server closed while nobody used it.

    SQLAlchemy's own pre-ping asks before every transaction: of a batch with fifteen the questions
    took a fifth of the time. A server that went away within `idle_s` is TROUBLE, which is tried
    again.
    """

    def note(_connection: Any, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    def ask(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info[_USED_AT] < idle_s:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # The others were closed with it; the pool makes a new one.
            raise InvalidatePoolError("the server closed an idle connection") from error

    event.listen(engine, "connect", note)
    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", ask)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling would begin DEFERRED, which can fail on upgrade
    # to a write with SQLITE_BUSY whatever the timeout.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The engine of this process."""
    return build_engine(settings.current().database_url)


def forget_inherited_connections() -> None:
    """Call in a forked child: its parent's sockets are not its own (pitfall 37)."""
    engine().dispose(close=False)


@contextmanager
def session_scope(bind: Engine | None = None) -> Iterator[Session]:
    """A session that commits at the end of the block and rolls back on an exception."""
    with Session(bind or engine(), expire_on_commit=False) as session, session.begin():
        yield session
    for then in session.info.get(_AFTER_COMMIT, ()):
        then()


def after_commit(session: Session, then: Callable[[], None]) -> None:
    """Call `then` when `session_scope` has committed, and never when it rolls back.

    For what may only be said of what is true: counts and log lines.
    """
    session.info.setdefault(_AFTER_COMMIT, []).append(then)
