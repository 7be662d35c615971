"""A process that comes out of the template is as good as one that Python started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cli.server_processes import until
from tests.acceptance import template
from tests.acceptance.template import Order, Process
from tests.integration.support import together

PATIENCE_S = 30
PROGRAM = """
import atexit, os, sys, time
atexit.register(print, "ended in order")
print(sys.argv[1:], os.getcwd(), os.environ.get("RELAY_GIVEN"), os.environ.get("HOME"))
print("on stderr", file=sys.stderr)
sys.stdout.flush()
if "stay" in sys.argv:
    time.sleep(600)
"""


@pytest.fixture(params=["template", "python"], scope="module")
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both ways to start one."""
    with template.opened() if request.param == "template" else template.used(None):
        yield


@pytest.fixture
def start(way: None, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    (tmp_path / "program.py").write_text(PROGRAM)
    started: list[Process] = []

    def start(*arguments: str, environ: Mapping[str, str] | None = None) -> Process:
        environ = {"PATH": os.environ["PATH"], "RELAY_GIVEN": "yes", **(environ or {})}
        order = Order("program", arguments, str(tmp_path), environ, str(tmp_path / "log"))
        started.append(template.start(order))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait(PATIENCE_S)


def log(tmp_path: Path) -> str:
    return (tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""


def test_it_has_its_own_arguments_folder_environment_log_and_end(start, tmp_path):
    process = start("one", "two")
    process.wait(PATIENCE_S)

    assert process.poll() == 0
    said = sorted(log(tmp_path).splitlines())
    assert said == sorted([f"['one', 'two'] {tmp_path} yes None", "on stderr", "ended in order"])


ENDS = {
    "": 0,
    "import sys; sys.exit()": 0,
    "import sys; sys.exit(3)": 3,
    "import sys; sys.exit('a sentence')": 1,
    "raise KeyError('nobody caught it')": 1,
}


def test_a_run_to_its_end_has_its_words_and_its_code(way, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    done = template.run("program", ["one"], tmp_path, {"PATH": os.environ["PATH"]})

    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"['one'] {tmp_path} None None", "ended in order"]
    assert done.stderr == "on stderr\n"


@pytest.mark.parametrize("program", ENDS)
def test_its_code_is_that_of_python(way, tmp_path, program):
    (tmp_path / "program.py").write_text(program)

    done = template.run("program", [], tmp_path, {"PATH": os.environ["PATH"]})

    assert done.returncode == ENDS[program]
    assert ("sentence" in program or "KeyError" in program) == bool(done.stderr)


def test_starts_at_the_same_time_get_a_process_each(start):
    started = together([lambda: start("stay")] * 8)

    assert len({one.pid for one in started}) == 8
    assert [one.poll() for one in started] == [None] * 8


@pytest.mark.parametrize("remapped", [None, "SIGQUIT"])
def test_celery_is_told_what_sigterm_means(start, tmp_path, remapped):
    (tmp_path / "program.py").write_text("from billiard import common; print(common.REMAP_SIGTERM)")
    given = {"REMAP_SIGTERM": remapped} if remapped else {}
    start(environ=given).wait(PATIENCE_S)

    assert log(tmp_path).strip() == str(remapped)


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_it_runs_until_it_is_ended(start, tmp_path, how):
    process = start("stay")
    assert until(lambda: "on stderr" in log(tmp_path), PATIENCE_S)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    assert os.getsid(process.pid) == process.pid

    getattr(process, how)()
    process.wait(PATIENCE_S)

    assert process.poll() is not None
    process.kill()  # of one that is gone: nothing


def test_nothing_that_reads_settings_is_loaded_before_the_start():
    done = subprocess.run(
        [sys.executable, "-u", "-m", "tests.acceptance.template"],
        cwd=template.ROOT,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=PATIENCE_S,
    )

    assert done.returncode == 0
