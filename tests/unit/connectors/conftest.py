"""A shop whose answers a test queues; every queued answer must be asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

from tests.unit.connectors.kit import Gate, Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield Shop(mock)


@pytest.fixture
def gate() -> Gate:
    return Gate()
