"""The two ways to run the service."""

from __future__ import annotations

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Deployment:
    """Where a service keeps its work, and what carries its messages."""

    database_url: str
    broker_url: str


#: `vario-relay up`: one process, nothing to install.
EMBEDDED = pytest.param("sqlite", marks=pytest.mark.sqlite)
EMBEDDED_LONG = pytest.param("sqlite", marks=[pytest.mark.sqlite, pytest.mark.long])
#: gunicorn, a Celery worker and beat.
DISTRIBUTED = pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.rabbitmq])
DEPLOYMENTS = [EMBEDDED, DISTRIBUTED]

#: For tests that another module has for separate processes.
embedded_only = pytest.mark.parametrize("deployment", [EMBEDDED], indirect=True)
#: For tests of what only separate processes have.
distributed_only = pytest.mark.parametrize("deployment", [DISTRIBUTED], indirect=True)
