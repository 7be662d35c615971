"""What the handlers of one application share: engine, token check, wake-up call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from flask import current_app
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from integration import db, schema
from integration.runtime import Runtime
from webhooks.auth import Verifier

EXTENSION = "relay"


@dataclass
class Services:
    """One per application. `wake` never blocks and never raises."""

    runtime: Runtime
    verifier: Verifier
    wake: Callable[[], None]
    broker_state: Callable[[], str]
    #: For events that are recorded in one statement.
    intake: Engine = field(init=False)
    _schema_is_current: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.intake = db.build_intake_engine(self.engine)

    @property
    def engine(self) -> Engine:
        return self.runtime.engine

    def check_schema(self) -> None:
        """Raises: UsageError when the database is not migrated; SQLAlchemy's when it is away."""
        if not self._schema_is_current:
            schema.require_current(self.engine)
            self._schema_is_current = True

    @contextmanager
    def session_scope(self) -> Iterator[Session]:
        """One transaction, committed at the end of the block."""
        # Again, because it was skipped if the database was away at the start.
        self.check_schema()
        with db.session_scope(self.engine) as session:
            yield session


def services() -> Services:
    """Those of the application that serves the current request."""
    return cast("Services", current_app.extensions[EXTENSION])
