"""Our connectors before the conformance kit; `make conformance` does it with bigger batches."""

from __future__ import annotations

import pytest

from integration.connectors import memory, registry
from tests.architecture.source import ROOT
from tests.conformance.examined import report_of
from tests.conformance.shops import PLATFORMS, PRODUCT, remove, served
from vario_relay.testing import Report
from vario_relay.testing.holdings import state_rows


def examined(platform: str) -> Report:
    """The report; where there is a shop, what was made in it is deleted at the end. Of what the
    kit uploaded, files stay: neither shop deletes them with their product."""
    with served(platform) as shop:
        report = report_of(
            registry.platform(platform),
            dict(shop.parameters),
            state_url=shop.url,
            order=shop.order,
            remove=remove if shop.url else None,
        )
        if shop.url:
            assert [row["number"] for row in state_rows(shop.url)] == [PRODUCT]
            assert report.left.startswith("2 image files of the kit are left in the shop;")
        return report


def rows(page: str) -> list[str]:
    """The cases of a report's page, whatever is left in the shop."""
    return [line for line in page.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_it_holds_all_that_can_be_tried_as_its_page_says(platform: str) -> None:
    page = (ROOT / "docs" / "conformance" / f"{platform}.md").read_text(encoding="utf-8")

    report = examined(platform)

    assert report.red == [], "\n".join(report.lines())
    assert rows(page) == rows(report.markdown()), "make conformance writes the page anew"
    memory.forget_shops()


def test_every_platform_of_ours_has_its_page() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "conformance").glob("*.md")}

    assert pages == set(PLATFORMS) == set(registry.platform_names())
