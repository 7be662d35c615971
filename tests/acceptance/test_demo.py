"""The demo, and above all: it fails when the shop is not what the ERP says.

That it ends well is seen where it runs from the wheel (test_wheel).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.demo import Options, run_demo
from cli.demo_stage import Stage
from sandbox import comparison

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
OWN_CATALOGUE = Path(__file__).parent.parent / "data" / "catalogue.csv"


@pytest.mark.postgres
@pytest.mark.rabbitmq
def test_all_the_oddities_arrive_by_the_procfiles_processes_and_what_is_wrong_is_named(capfd):
    disturbed: list[str] = []

    def disturb(stage: Stage) -> None:
        """An employee renames a product; the ERP changes a stock and its webhook is lost."""
        verdict = comparison.compare(stage.erp_url, stage.shop_url)
        assert (verdict.articles, verdict.identical, verdict.differences) == (8, 8, [])

        articles = stage.get(f"{stage.erp_url}/_sandbox/state", limit=500)["articles"]
        first, second = [one for one in articles if one["listed"] and one["active"]][:2]
        changed = {"article": first["number"], "set": {"name": "Umbenannt"}}
        stage.post(f"{stage.shop_url}/_sandbox/edit", changed)
        edit = {"article": second["id"], "set": {"stock": 98_765}, "silent": True}
        stage.post(f"{stage.erp_url}/_sandbox/edit", edit)
        disturbed.extend([first["number"], second["number"]])

    options = Options(catalogue=OWN_CATALOGUE, distributed=True)
    code = run_demo(options, before_judging=disturb)

    output = capfd.readouterr().out
    assert code == 1
    assert f"article {disturbed[0]}: name is 'Umbenannt' in the shop" in output
    assert f"article {disturbed[1]}: stock is " in output
    assert output.strip().splitlines()[-1].startswith("demo: FAILED article ")
