"""ERP and shop fail in every way they know; each row meets the fate that its error deserves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.deployments import distributed_only
from tests.acceptance.service import Service, wait_until

#: What a fault does to a stage is shown on both databases by tests/integration/test_stages.py.
pytestmark = [distributed_only, pytest.mark.slow(50)]

OPTIONS = {"articles": 60}
SYNC = "/api/_action/sync"
EXECUTE = "computed-queries/execute"
TOKEN = "/api/oauth/token"

Articles = Callable[[], dict]


# --- the shop ------------------------------------------------------------------------------------


def test_a_refused_row_fails_with_the_shops_words_and_the_others_of_its_batch_arrive(
    service: Service, articles: Articles
):
    refused, *others = [articles() for _ in range(5)]
    service.shop("faults", kind="reject", number=refused["number"])
    for article in (refused, *others):
        service.edit_silently(article, name="Gemeinsam geändert")
    service.hint("article", refused, *others)

    service.wait_until_right(*others)

    wait_until(lambda: service.item(refused, "article").state == "FAILED", "the row failed")
    item = service.item(refused, "article")
    assert item.error_class == "Rejected"
    assert "productNumber" in item.last_error
    service.clear_faults()
    service.edit(refused, name="Noch einmal")
    service.wait_until_right(refused)


@pytest.mark.parametrize("kind", ["500", "504", "html", "cut-body"])
def test_a_shop_that_stumbles_is_asked_again_and_one_attempt_is_counted(
    service: Service, articles: Articles, kind: str
):
    article = articles()
    service.fault("shop", kind, route=SYNC, count=1)

    service.edit(article, gross="14.14")

    wait_until(lambda: service.item(article, "price").attempts == 1, "an attempt is counted")
    assert service.item(article, "price").error_class == "TransientError"
    service.bring_forward()
    service.wait_until_right(article)
    service.wait_until_idle()
    assert service.item(article, "price").attempts == 0
    assert service.channel().held_reason is None


def test_a_deadlock_is_repeated_and_burns_no_attempt(service: Service, articles: Articles):
    article = articles()
    service.fault("shop", "deadlock", route=SYNC, count=5)

    service.edit(article, gross="15.15")

    wait_until(lambda: service.item(article, "price").error_class == "Busy", "the shop is busy")
    assert service.item(article, "price").attempts == 0
    service.wait_until_right(article)
    service.wait_until_idle()
    assert service.item(article, "price").attempts == 0


def test_a_429_of_the_shop_is_waited_out_and_burns_no_attempt(service: Service, articles: Articles):
    article, other = articles(), articles()
    service.fault("shop", "429-retry-after", route=SYNC, seconds=4)

    service.edit(article, gross="16.16")
    wait_until(lambda: service.pause_s("shop"), "the shop rests")
    service.edit(other, stock=16)
    wait_until(service.is_delivered, "the webhook is accepted")
    assert service.item(article, "price").attempts == 0
    assert service.item(other, "stock").attempts == 0

    service.wait_until_right(article, other)
    assert service.answers_of("shop")["429"] == 1


def test_a_429_of_the_shop_without_a_header_pauses_it_for_ten_seconds(
    service: Service, articles: Articles
):
    article = articles()
    service.fault("shop", "429-bare", route=SYNC, count=1)

    service.edit(article, gross="17.17")

    pause_s = wait_until(lambda: service.pause_s("shop"), "the shop rests")
    assert pause_s == pytest.approx(10, abs=2)
    service.bring_forward()
    service.wait_until_right(article)


def test_a_shop_in_maintenance_pauses_itself_and_burns_no_attempt(
    service: Service, articles: Articles
):
    article = articles()
    service.fault("shop", "503", route=SYNC, count=1)

    service.edit(article, gross="17.27")

    pause_s = wait_until(lambda: service.pause_s("shop"), "the shop rests")
    assert pause_s == pytest.approx(20, abs=2)
    assert service.item(article, "price").attempts == 0
    service.bring_forward()
    service.wait_until_right(article)


def test_revoked_tokens_are_replaced_without_a_word(service: Service, articles: Articles):
    article = articles()
    service.fault("shop", "token-revoked")
    service.fault("erp", "token-revoked")

    service.edit(article, gross="18.18")

    service.wait_until_right(article)
    service.wait_until_idle()
    assert service.item(article, "price").error_class is None
    assert service.answers_of("shop")["401"] == 1
    assert service.answers_of("erp")["401"] == 1


def test_a_wrong_client_secret_holds_the_channel_with_a_sentence_and_burns_nothing(
    service: Service, articles: Articles
):
    changed = [articles() for _ in range(3)]
    service.set_parameter("client_secret", "falsch")
    service.forget_tokens()
    service.edit(changed[0], gross="19.19")
    wait_until(lambda: service.channel().held_reason, "the channel is held")

    for article in changed[1:]:
        service.edit(article, gross="19.19", stock=19)
    wait_until(service.is_delivered, "the webhooks are accepted")

    assert "client_secret" in service.channel().held_reason
    assert "Integrations" in service.channel().held_reason
    assert [service.item(one, "price").attempts for one in changed] == [0, 0, 0]
    assert [service.item(one, "price").state for one in changed] == ["QUEUED"] * 3
    assert service.requests_of("shop")[f"POST {TOKEN}"] == 1
    service.set_parameter("client_secret", service.shop_secret)
    service.change_channel(held_reason=None)
    service.wait_until_right(*changed)


# --- the ERP -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "seconds", "pause_s"),
    [
        ("429", 9, 9),  # x-rate-limit-retry-after-seconds
        ("429-retry-after", 9, 9),
        ("429-bare", None, 6),  # not told: the ERP's window
    ],
)
@pytest.mark.contract("10.6")
def test_a_429_of_the_erp_pauses_the_tenant_and_burns_no_attempt(
    service: Service, articles: Articles, kind: str, seconds: int | None, pause_s: int
):
    article, other = articles(), articles()
    more = {} if seconds is None else {"seconds": seconds}
    service.fault("erp", kind, route=EXECUTE, count=1, **more)

    service.edit(article, gross="21.21")
    left_s = wait_until(lambda: service.pause_s("erp"), "the tenant rests")
    service.edit(other, stock=21)
    wait_until(service.is_delivered, "the webhook is accepted")
    wait_until(lambda: service.item(article, "price").state == "QUEUED", "the row is given back")

    assert left_s == pytest.approx(pause_s, abs=1.5)
    assert service.item(article, "price").attempts == 0
    assert service.item(other, "stock").attempts == 0
    assert service.answers_of("erp") == {"429": 1}
    service.bring_forward()
    service.wait_until_right(article, other)


@pytest.mark.parametrize("kind", ["500", "html", "cut-body"])
def test_an_erp_that_stumbles_is_asked_again_and_one_attempt_is_counted(
    service: Service, articles: Articles, kind: str
):
    article = articles()
    service.fault("erp", kind, route=EXECUTE, count=1)

    service.edit(article, gross="22.22")

    wait_until(lambda: service.item(article, "price").attempts == 1, "an attempt is counted")
    service.bring_forward()
    service.wait_until_right(article)


def test_a_refused_offline_token_holds_the_tenant_with_a_sentence_and_burns_nothing(
    service: Service, articles: Articles
):
    article = articles()
    service.forget_tokens()
    service.fault("erp", "invalid-grant", share=1.0)

    service.edit(article, gross="23.23")

    sentence = wait_until(lambda: service.tenant().held_reason, "the tenant is held")
    assert "reconnect" in sentence
    wait_until(lambda: service.item(article, "price").state == "QUEUED", "the row is given back")
    assert service.item(article, "price").attempts == 0
    service.clear_faults()
    service.release_tenant()
    service.wait_until_right(article)
