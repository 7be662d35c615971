"""The demo, and above all: it fails when the shop is not what the ERP says."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.demo import Options, run_demo
from cli.demo_processes import DemoFailed, Processes
from cli.demo_stage import Stage
from cli.main import main
from cli.shared import Here

pytestmark = [pytest.mark.slow(55), pytest.mark.timeout(240)]
#: A plan that is empty, a drift planned and applied, an article explained that is not in the shop.
RECONCILED = (
    "drift: none",
    "drift: 1 different",
    "plan 2 is applied: 1 sent",
    "NOT_LISTED (merchant)",
)
OWN_CATALOGUE = Path(__file__).parent.parent / "data" / "catalogue.csv"


@pytest.fixture(autouse=True)
def commands_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's commands in this process: starting one costs a second of imports.

    Those of the demo from the wheel are processes of their own.
    """

    def run(self: Processes, *arguments: str, given: str | None = None, quiet: bool = False) -> str:
        here = Here({k: v for k, v in self.environ.items() if k.startswith("RELAY_")})
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(main, arguments, input=given, obj=here)
        here.engine.dispose()
        if done.exit_code != 0:
            raise DemoFailed(f"vario-relay {arguments[0]}: {done.output}")
        print(done.output)
        return done.stdout

    monkeypatch.setattr(Processes, "run", run)


def last_line(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().out.strip().splitlines()[-1]


@pytest.mark.postgres
@pytest.mark.rabbitmq
def test_a_catalogue_with_all_the_oddities_ends_identical_in_the_procfiles_processes(capfd):
    code = run_demo(Options(catalogue=OWN_CATALOGUE, distributed=True))

    assert code == 0
    assert last_line(capfd) == "demo: OK articles=8 identical=8"


@pytest.mark.sqlite
def test_a_product_changed_in_a_woocommerce_and_a_lost_webhook_are_all_that_differs(capfd):
    disturbed: list[str] = []

    def disturb(stage: Stage) -> None:
        """An employee renames a product; the ERP changes a stock and its webhook is lost."""
        articles = stage.get(f"{stage.erp_url}/_sandbox/state", limit=500)["articles"]
        first, second = [one for one in articles if one["listed"] and one["active"]][:2]
        changed = {"article": first["number"], "set": {"name": "Umbenannt"}}
        stage.post(f"{stage.shop_url}/_sandbox/edit", changed)
        edit = {"article": second["id"], "set": {"stock": 98_765}, "silent": True}
        stage.post(f"{stage.erp_url}/_sandbox/edit", edit)
        disturbed.extend([first["number"], second["number"]])

    code = run_demo(Options(articles=20, platform="woocommerce"), before_judging=disturb)

    output = capfd.readouterr().out
    told = [output.index(one) for one in RECONCILED]
    assert told == sorted(told)
    assert code == 1
    assert f"article {disturbed[0]}: name is 'Umbenannt' in the shop" in output
    assert f"article {disturbed[1]}: stock is " in output
    last = output.strip().splitlines()[-1]
    assert last.startswith("demo: FAILED article ")
    assert last.endswith("(2 differences)")
