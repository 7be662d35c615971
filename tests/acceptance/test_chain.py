"""One change on its way through real processes."""

from __future__ import annotations

from tests.acceptance.service import wait_until


def test_one_webhook_runs_the_chain_over_rabbitmq_with_beat_stopped(
    start_service, bare_postgres_url, broker_url
):
    service = start_service(bare_postgres_url, broker_url, articles=20, writes_back=True)
    service.start_web()
    service.start_worker()
    service.wait_for_worker()
    article = service.article_for_sale()

    service.erp("edit", article=article["id"], set={"name": "Prüfstück"})

    product = wait_until(lambda: service.products().get(article["number"]), "the product is there")
    assert product["name"] == "Prüfstück"
    # And its id is on the way back into the ERP, on a queue of its own.
    shown = wait_until(lambda: service.id_in_erp(article), "the ERP shows the product's id")
    assert shown == product["id"]
