"""RabbitMQ or Postgres goes away and comes back; our processes stay as they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from cli.servers import Postgres, RabbitMQ, running
from tests.acceptance.service import Service, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.rabbitmq, pytest.mark.timeout(240)]
OPTIONS = {"articles": 30}
ANSWERED_S = 1.0

Articles = Callable[[], dict]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Postgres, RabbitMQ]]:
    """Servers of this module alone, to be killed."""
    postgres, rabbitmq = Postgres(), RabbitMQ()
    with running(postgres, rabbitmq):
        yield postgres, rabbitmq


@pytest.fixture(scope="module")
def shared_service(
    servers: tuple[Postgres, RabbitMQ], tmp_path_factory: pytest.TempPathFactory, module_environ
) -> Iterator[Service]:
    postgres, rabbitmq = servers
    folder = tmp_path_factory.mktemp("service")
    with Service(folder, module_environ, postgres.url, rabbitmq.url, **OPTIONS) as service:
        service.start_all()
        service.fill_shop()
        yield service


@pytest.fixture
def processes(service: Service) -> Iterator[None]:
    """All processes of the service run on through the test."""
    pids = {name: process.pid for name, process in service.processes.items()}
    yield
    assert {name: one.pid for name, one in service.processes.items()} == pids
    assert [name for name, one in service.processes.items() if one.poll() is not None] == []


@pytest.mark.pitfall(6)
@pytest.mark.pitfall(8)
@pytest.mark.usefixtures("processes")
def test_without_rabbitmq_webhooks_are_accepted_and_carried_when_it_is_back(
    service: Service, servers: tuple[Postgres, RabbitMQ], articles: Articles
):
    _, rabbitmq = servers
    changed = [articles() for _ in range(3)]
    rabbitmq.kill()

    for article in changed:
        service.edit_silently(article, gross="33.33")
        began = time.monotonic()
        answer = service.webhook("article-price.update", {"articleId": article["id"]})
        assert answer.status_code == 200
        assert time.monotonic() - began < ANSWERED_S
    rabbitmq.start()

    service.wait_until_right(*changed, deadline_s=90)
    later = articles()
    service.edit(later, stock=5)
    service.wait_until_right(later)


@pytest.mark.usefixtures("processes")
def test_without_postgres_webhooks_are_refused_for_now_and_all_works_again_when_it_is_back(
    service: Service, servers: tuple[Postgres, RabbitMQ], articles: Articles
):
    postgres, _ = servers
    missed, running_work = articles(), articles()
    service.edit(running_work, name="Unterwegs")
    postgres.kill()

    answer = service.webhook("article-price.update", {"articleId": missed["id"]})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    service.edit(missed, gross="44.44")
    wait_until(lambda: was_refused(service), "the ERP's webhook is refused")
    postgres.start()

    service.wait_until_right(missed, running_work, deadline_s=90)
    later = articles()
    service.edit(later, stock=6)
    service.wait_until_right(later)


def was_refused(service: Service) -> bool:
    sent = service.webhooks_sent()
    return any(one["response"] == "503" for one in sent)
