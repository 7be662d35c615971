"""From one process on SQLite to several on Postgres and RabbitMQ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.service import Service

pytestmark = pytest.mark.timeout(240)


def test_an_embedded_service_moves_to_postgres_and_rabbitmq_with_all_it_knows(
    start_service: Callable[..., Service], postgres_url: str, broker_url: str, tmp_path: Path
):
    file = tmp_path / "relay.db"
    service = start_service(f"sqlite:///{file}", articles=20)
    service.start_all()
    service.fill_shop()
    article, missed = service.articles_for_sale()[:2]
    refused = service.relay("db", "copy", "--from", str(file))
    service.kill("up")
    service.edit_silently(missed, gross="81.00")
    service.hint("price", missed)
    service.runtime.engine.dispose()
    del service.runtime

    service.environ |= {"RELAY_DATABASE_URL": postgres_url, "RELAY_BROKER_URL": broker_url}
    assert service.relay("db", "upgrade").returncode == 0
    copied = service.relay("db", "copy", "--from", str(file))
    service.start_all()
    service.edit(article, gross="82.00")

    # What was recorded before the move, and what came after it.
    service.wait_until_right(article, missed)
    service.wait_until_idle()
    service.forget_requests()
    again = service.sync()

    assert refused.returncode == 2
    assert copied.returncode == 0, copied.stderr
    assert "1 sales_channel" in copied.stderr
    assert again.returncode == 0, again.stderr
    assert [route for route in service.requests_of("shop") if "_action/sync" in route] == []
    assert service.differences() == []
    service.assert_no_product_twice()
