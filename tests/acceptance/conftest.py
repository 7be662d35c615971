"""The whole service in real processes between both sandboxes, for the acceptance tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.service import Service

StartService = Callable[..., Service]


@pytest.fixture
def start_service(
    tmp_path: Path, clean_environ: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[StartService]:
    """Start a service: `start_service(database_url, broker_url="memory://", articles=100, ...)`."""
    with ExitStack() as stack:

        def start(database_url: str, broker_url: str = "memory://", **options: object) -> Service:
            service = Service(tmp_path, clean_environ, database_url, broker_url, **options)
            return stack.enter_context(service)

        yield start
