"""`vario-relay toggle`."""

import json

import pytest

from integration.topology import Topic
from tests.platforms import leave_out


def is_on(run, channel):
    listed = json.loads(run("toggle", "list", channel, "--json").stdout)
    return {one["topic"]: one["is_on"] for one in listed}


def test_everything_is_on_until_somebody_switches_it_off(run, channel):
    assert is_on(run, channel) == {
        "stock": True,
        "price": True,
        "order-status": True,
        "article": True,
        "media": True,
    }


@pytest.mark.parametrize("name", ["price", "update.article-price"])
def test_a_topic_is_switched_by_its_short_or_its_long_name(run, channel, name):
    off = run("toggle", "off", channel, name)
    while_off = is_on(run, channel)
    on = run("toggle", "on", channel, name)

    assert (off.exit_code, on.exit_code) == (0, 0)
    assert not while_off["price"]
    assert while_off["stock"]
    assert is_on(run, channel)["price"]


def test_the_table_names_the_vendors_toggle_and_what_the_platform_is_not_given(
    run, tenant, monkeypatch
):
    leave_out(monkeypatch, "woocommerce", Topic.MEDIA)
    run("channel", "add", "8", "--tenant", tenant, "--platform", "woocommerce")

    lines = run("toggle", "list", "8").stdout.splitlines()

    state = {words[1]: " ".join(words[2:]) for line in lines if (words := line.split())}
    assert state["UPLOAD_ARTICLE_STOCK"] == "on"
    assert state["UPLOAD_ARTICLE_IMAGE"] == "on, not carried to woocommerce"
