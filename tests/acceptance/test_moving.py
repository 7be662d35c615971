"""What docs/operations.md tells an operator to do: change the key, move to several processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integration import vault
from tests.acceptance.service import Service

pytestmark = pytest.mark.timeout(240)


def begin_anew(service: Service, **settings: str) -> None:
    """Stop the service; it and its commands go on with these settings."""
    for name in list(service.processes):
        service.kill(name)
    service.runtime.engine.dispose()
    del service.runtime
    service.environ |= settings


def test_the_secret_key_is_changed_without_giving_a_secret_again(
    start_service: Callable[..., Service], bare_sqlite_url: str
):
    service = start_service(bare_sqlite_url, articles=10)
    old, new = service.environ["RELAY_SECRET_KEY"], vault.new_key()
    service.start_all()
    begin_anew(service, RELAY_SECRET_KEY=f"{new},{old}")
    service.start_all()

    rotated = service.relay("secrets", "rotate")
    begin_anew(service, RELAY_SECRET_KEY=new)
    service.start_all()

    assert rotated.returncode == 0, rotated.stderr
    assert "stored secrets are encrypted under the first key" in rotated.stderr
    # Needs the tenant's token and the shop's secret.
    service.fill_shop()


def test_an_embedded_service_moves_to_postgres_and_rabbitmq_with_all_it_knows(
    start_service: Callable[..., Service], bare_postgres_url: str, broker_url: str, tmp_path: Path
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

    begin_anew(service, RELAY_DATABASE_URL=bare_postgres_url, RELAY_BROKER_URL=broker_url)
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
