"""What the tests work on, on SQLite and on Postgres in turn."""

from collections.abc import Iterator

import pytest

from tests.integration import shopware, woocommerce
from tests.integration.relay import Relay, beside_an_erp
from tests.integration.shop_relay import ShopRelay
from tests.integration.support import Database, open_database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    """For what only two real writers at the same time can show."""
    database = open_database(postgres_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    """The stages between a sandboxed ERP of 30 articles and the shop in memory."""
    with beside_an_erp(database_url) as relay:
        yield relay


each_shop = {
    "params": [shopware.running, woocommerce.running],
    "ids": ["shopware6", "woocommerce"],
}


@pytest.fixture(**each_shop)
def shop_with_variants(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[ShopRelay]:
    """The stages between both sandboxes, of each platform that has variants."""
    with request.param(sqlite_url) as relay:
        relay.set(variants="on")
        yield relay


@pytest.fixture(**each_shop)
def shop_without_columns(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[ShopRelay]:
    """The same beside an ERP that offers only the columns that are attested."""
    with request.param(sqlite_url, profile="rest") as relay:
        relay.set(variants="on")
        yield relay
