"""The whole service in real processes between both sandboxes, for the acceptance tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.deployments import DEPLOYMENTS, Deployment
from tests.acceptance.service import Service
from tests.real_servers import empty_broker, empty_database

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


@pytest.fixture(scope="module", params=DEPLOYMENTS)
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_name: str
) -> Iterator[Deployment]:
    """Both ways to run the service, in turn; for all tests of a module."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("database")
        yield Deployment(f"sqlite:///{folder}/relay.db", "memory://")
        return
    with empty_database() as url:
        yield Deployment(url, empty_broker(worker_name))


@pytest.fixture(scope="module")
def module_environ() -> dict[str, str]:
    """As `clean_environ`, for all tests of a module."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}


@pytest.fixture(scope="module")
def shared_service(
    deployment: Deployment,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    module_environ: dict[str, str],
) -> Iterator[Service]:
    """A running service with a filled shop, for all tests of a module.

    The module's `OPTIONS` are those of the service; settings in its `ONCE_FULL` hold as soon as the
    shop is filled.
    """
    service = Service(
        tmp_path_factory.mktemp("service"),
        module_environ,
        deployment.database_url,
        deployment.broker_url,
        **getattr(request.module, "OPTIONS", {}),
    )
    with service:
        service.start_all()
        service.fill_shop()
        if changes := getattr(request.module, "ONCE_FULL", None):
            service.restart_with(changes)
        yield service


@pytest.fixture
def service(shared_service: Service) -> Service:
    """The module's service, all of it running and nothing to do."""
    shared_service.recover()
    return shared_service


@pytest.fixture
def articles(service: Service, used_articles: set[str]) -> Iterator[Callable[[], dict]]:
    """Articles for sale that no other test of the module has: call it for the next one."""
    waiting = [one for one in service.articles_for_sale() if one["id"] not in used_articles]

    def following() -> dict:
        article = waiting.pop(0)
        used_articles.add(article["id"])
        return article

    return following


@pytest.fixture(scope="module")
def used_articles(shared_service: Service) -> set[str]:
    return set()
