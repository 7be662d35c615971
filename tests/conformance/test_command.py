"""The kit as a stranger runs it: connector, shop, command and report of docs/connectors.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import serving
from tests.architecture.source import ROOT
from tests.conformance.myshop import KEY, MyShop

PAGE = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
HERE = Path(__file__).parent
SHOWN_AT = "http://127.0.0.1:9003"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("pytest"), "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["myshop.py", "myshop_relay.py", "myshop_report.md"])
def test_the_page_shows_what_is_examined_here(name: str) -> None:
    assert f"\n{(HERE / name).read_text(encoding='utf-8')}```\n" in PAGE


def test_the_connector_is_short() -> None:
    assert len((HERE / "myshop_relay.py").read_text(encoding="utf-8").splitlines()) < 300


def test_the_command_of_the_page_gives_its_report(tmp_path: Path) -> None:
    (tmp_path / "myshop_relay.py").write_bytes((HERE / "myshop_relay.py").read_bytes())
    command, _ = re.findall(r"^pytest (--pyargs vario_relay.testing .*)$", PAGE, re.M)
    assert f"={KEY} " in command

    with serving.running(MyShop().app()) as url:
        done = run(tmp_path, *command.replace(SHOWN_AT, url).split())

    assert done.returncode == 0, done.stdout
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert report == (HERE / "myshop_report.md").read_text(encoding="utf-8")
    assert "myshop: 25 held, 2 not supported" in done.stdout


def test_what_is_wrong_with_the_options_stops_it_in_a_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, "--pyargs", "vario_relay.testing", "--relay-connector=shopware6")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "shop_url is not set; client_id is not set" in done.stderr


def test_a_red_case_fails_the_run_also_of_one_by_path(tmp_path: Path) -> None:
    (tmp_path / "myshop_relay.py").write_bytes((HERE / "myshop_relay.py").read_bytes())

    with serving.running(MyShop().app()) as url:
        done = run(
            tmp_path,
            *(str(ROOT / "vario_relay" / "testing"), "-k", "create"),
            "--relay-connector=myshop_relay:PLATFORM",
            *(f"--relay-param=shop_url={url}", "--relay-param=api_key=stolen"),
        )

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "wrong" in done.stdout
    assert "the shop answered 401" in done.stdout


def test_other_runs_of_pytest_know_nothing_of_it(tmp_path: Path) -> None:
    assert "--relay-" not in run(tmp_path, "--help").stdout
