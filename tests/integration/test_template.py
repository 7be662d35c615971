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


def test_nothing_of_ours_is_loaded_before_the_start():
    done = subprocess.run(
        [sys.executable, "-u", "-m", "tests.acceptance.template"],
        cwd=template.ROOT,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=PATIENCE_S,
    )

    assert done.returncode == 0
