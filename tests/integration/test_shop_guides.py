"""The way from a shop's admin to the first article, as docs/shops says it, on the sandboxes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from cli.server_processes import free_port
from sandbox import comparison
from sandbox.erp import Options as ErpOptions
from sandbox.erp import create_app as create_erp
from sandbox.shops.shopware6 import Options
from sandbox.shops.shopware6 import create_app as create_shop
from tests.acceptance.service import wait_until
from tests.architecture.source import ROOT
from tests.architecture.test_docs_commands import shown
from tests.integration.test_cli_flow import (
    Folder,
    Stand,
    folder,  # noqa: F401 - a fixture
    give_credentials,
    stand,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.slow(10)]

FURTHER = ("channel set 42", "mapping set 42", "queue failed 42", "queue retry 42", "queue status")
WAY = "## From the shop's admin to the first article\n"


@pytest.fixture
def erp() -> Iterator[Stand]:
    options = ErpOptions(articles=8, seed=5, illustrated=4, rate_limit=100_000)
    for made in stand(lambda url: create_erp(options, url)):
        made.budget = "30000/6"
        yield made


@pytest.fixture
def shop() -> Iterator[Stand]:
    """One with Multi-Inventory, which the page speaks of, too."""
    yield from stand(lambda url: create_shop(Options(multi_inventory=True), url))


def commands(guide: str) -> Iterator[list[str]]:
    """The commands of the way, without their first word."""
    text = (ROOT / "docs" / "shops" / guide).read_text().split(WAY)[1].split("\n## ")[0]
    for line in text.splitlines():
        if line.startswith("vario-relay "):
            yield shlex.split(line)[1:]


def further(guide: str) -> Iterator[list[str]]:
    """The commands of the rest of the page that set or ask for something, as they stand there."""
    for file, command in sorted(set(shown())):
        if file == guide and command.startswith(FURTHER) and "..." not in command:
            yield shlex.split(command)


def filled(words: list[str], given: dict[str, str]) -> list[str]:
    """With what the shop has in place of the examples; secrets are still asked for."""
    return [
        f"{name}={given[name]}" if equals and not value.startswith(("-", "@")) else word
        for word in words
        for name, equals, value in [word.partition("=")]
    ]


def test_the_way_of_shopware_ends_with_all_topics_in_the_shop(
    folder: Folder,  # noqa: F811
    erp: Stand,
    shop: Stand,
) -> None:
    port = free_port()
    folder.process("init")
    give_credentials(folder, erp, port)
    folder.run("db", "upgrade")
    token = erp.credentials["offlineToken"]
    folder.run("tenant", "add", "acme", "--offline-token", "-", stdin=token)
    log = (folder.path / "up.log").open("w")
    service = folder.start("up", log=log)
    assert service.stdout is not None
    assert service.stdout.readline().startswith("vario-relay up: listening on ")
    try:
        for words in commands("shopware6.md"):
            if words[:2] == ["channel", "resume"]:
                assert shop.writes() == 0  # until here nothing of the shop was changed
            folder.run(*filled(words, shop.credentials), stdin=shop.credentials["client_secret"])
            if words[0] == "sync" and "--wait" in words:
                found = comparison.compare(erp.url, shop.url).differences
                assert found
                assert all(": images are " in one for one in found)
        wait_until(lambda: comparison.compare(erp.url, shop.url).is_ok, "images are there, too")
        asked = [folder.run(*words) for words in further("shopware6.md")]
        assert len(asked) >= 10
    finally:
        service.terminate()
        service.communicate(timeout=30)
        log.close()
