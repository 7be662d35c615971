"""What a stranger finds in a checkout."""

import os
import re
import subprocess

import pytest

from tests.architecture.source import ROOT
from tests.run import SUITES

TESTS = ROOT / "tests"
TARGETS = ("demo", "test", "lint", "up", "chaos", "soak", "bench", "conformance")
LARGE_BYTES = 1_000_000
# A path of one machine; written apart so that this file is not a finding itself.
MACHINE_PATH = re.compile(r"(^|[^\w.])/(wor" r"k|far" r"m)/|\.mir" r"ror/")


def checked_in() -> list[str]:
    """Files that are, or would be, in version control."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_readme_shows_how_to_begin(command):
    assert command in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_one_line_over_a_script(target):
    rule = re.search(rf"^{target}: ## .+\n\t(.+)\n(?!\t)", (ROOT / "Makefile").read_text(), re.M)

    assert rule is not None
    assert rule[1].removeprefix("@").split()[0] == f"scripts/{target}"


@pytest.mark.parametrize(
    "script", [*(f"scripts/{name}" for name in (*TARGETS, "setup")), ".ci/run"]
)
def test_scripts_run_as_they_are(script):
    assert os.access(ROOT / script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], cwd=ROOT, check=False).returncode == 0


def test_the_pipeline_runs_what_people_run():
    commands = (ROOT / ".ci" / "run").read_text()

    assert "make lint" in commands
    assert "make test" in commands


def test_every_folder_with_tests_is_run():
    folders = {file.relative_to(TESTS).parts[0] for file in TESTS.glob("**/test_*.py")}

    assert folders == {name for _, names in SUITES for name in names}


def test_no_file_names_a_path_of_one_machine():
    found = [
        name
        for name in checked_in()
        if MACHINE_PATH.search((ROOT / name).read_text(encoding="utf-8", errors="replace"))
    ]

    assert found == []


def test_no_file_is_large():
    assert [n for n in checked_in() if (ROOT / n).stat().st_size > LARGE_BYTES] == []


def test_tests_are_not_switched_off():
    mark = re.compile(r"pytest\.mark\.(sk" r"ip|xf" r"ail)\b")
    found = [n for n in checked_in() if n.endswith(".py") and mark.search((ROOT / n).read_text())]

    assert found == []
