"""The wheel is complete: it works from an empty folder, far from the checkout."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vario_relay
from tests.architecture.deployments import copied

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow(100), pytest.mark.sqlite, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path, env: dict[str, str]) -> list[str]:
    """The lines a command prints; it has to succeed."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The command of a venv that has the wheel and what it requires, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, because setuptools leaves its build folder beside setup.py and reads it next time.
    # Only what the image of deploy/Dockerfile is made of: it must be enough.
    (folder / "source").mkdir()
    for name in copied():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / "source" / name)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, "source"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = folder.glob("*.whl")
    venv, pip = folder / "venv", [sys.executable, "-m", "pip"]
    # Our pip fills it, because one of its own would take longer to install than the wheel.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    subprocess.run(
        [*pip, "--python", venv / "bin/python", "install", "-q", "--no-compile", wheel],
        check=True,
    )
    return folder / "venv/bin/vario-relay"


@pytest.fixture
def empty_folder(tmp_path) -> Path:
    return tmp_path


def test_the_schema_comes_with_the_wheel(installed, empty_folder, clean_environ):
    run(installed, "db", "upgrade", cwd=empty_folder, env=clean_environ)

    assert (empty_folder / "relay.db").exists()


def test_the_demo_runs_from_the_wheel(installed, empty_folder, clean_environ):
    lines = run(installed, "demo", "--articles", "20", cwd=empty_folder, env=clean_environ)

    assert lines[-1].startswith("demo: OK articles=20 ")


PLATFORMS = """
import vario_relay
from integration.connectors import registry
print(vario_relay.__version__, *(registry.platform(one).name for one in registry.platform_names()))
"""


def test_platforms_are_found_and_the_public_package_comes_with_the_wheel(
    installed, empty_folder, clean_environ
):
    python = installed.with_name("python")

    said = run(python, "-c", PLATFORMS, cwd=empty_folder, env=clean_environ)

    assert said == [f"{vario_relay.__version__} memory shopware6 woocommerce"]


CONFORMANCE = """
import vario_relay_pytest
from importlib.util import find_spec
from integration.connectors import registry
from vario_relay.testing import Target, examine
print(find_spec("vario_relay.testing.test_conformance") is not None,
      examine(Target(registry.platform("memory"), {})).red)
"""


def test_the_conformance_kit_comes_with_the_wheel(installed, empty_folder, clean_environ):
    python = installed.with_name("python")

    assert run(python, "-c", CONFORMANCE, cwd=empty_folder, env=clean_environ) == ["True []"]
