"""RabbitMQ holds nothing that matters, and two of everything do no harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.service import Service
from tests.real_servers import empty_broker, empty_database

pytestmark = [pytest.mark.postgres, pytest.mark.rabbitmq]
ARTICLES = 60


@pytest.fixture(scope="module")
def shared_service(
    tmp_path_factory: pytest.TempPathFactory, module_environ: dict[str, str], worker_name: str
) -> Iterator[Service]:
    """Two workers, two beats, and a shop as the ERP wants it."""
    folder, broker_url = tmp_path_factory.mktemp("service"), empty_broker(worker_name)
    with (
        empty_database() as url,
        Service(folder, module_environ, url, broker_url, articles=ARTICLES) as service,
    ):
        service.start_all()
        service.start_worker("second-worker")
        service.start_beat("second-beat")
        service.fill_shop()
        yield service


@pytest.mark.pitfall(5)
@pytest.mark.pitfall(20)
def test_purged_queues_cost_time_and_nothing_else(service: Service):
    service.erp("burst", articles=ARTICLES, edits=300, seconds=4)

    purged = 0
    while not service.is_delivered():
        purged += service.purge_queues()

    service.wait_until_idle()
    assert purged > 0
    assert service.differences() == []
    service.assert_no_product_twice()


@pytest.mark.pitfall(13)
@pytest.mark.pitfall(32)
def test_two_workers_and_two_beats_write_a_change_at_most_twice(service: Service):
    articles = service.articles_for_sale()
    for article in articles:
        service.edit_silently(article, gross="11.11", stock=7, name=f"Neu {article['id']}")
    before = {one["id"]: len(service.writes(one)) for one in articles}

    for article in articles * 2:
        service.webhook("article-price.update", {"articleId": article["id"]})
        service.webhook("article.update", {"articleId": article["id"]}, "42")
        service.webhook("sales_channel.stockChange", {"articleId": article["id"]})

    service.wait_until_idle()
    assert service.differences() == []
    service.assert_no_product_twice()
    topics = ("price", "stock", "name")
    for article in articles:
        sent = service.writes(article)[before[article["id"]] :]
        counts = {topic: sum(topic in one for one in sent) for topic in topics}
        assert all(1 <= count <= 2 for count in counts.values()), (article["number"], counts)
