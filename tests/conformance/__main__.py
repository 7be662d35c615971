"""`python -m tests.conformance [PLATFORM ...]`: writes the reports of docs/conformance.

By the kit's own command, with bigger batches than the tests have.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from tests.architecture.source import ROOT
from tests.conformance.shops import PLATFORMS, remove, served

REPORTS = ROOT / "docs" / "conformance"
ROWS = 60
REMOVE = f"--relay-remove={remove.__module__}:{remove.__name__}"


def main(platforms: list[str]) -> int:
    """0 if all of them hold all that can be tried."""
    REPORTS.mkdir(exist_ok=True)
    return max([examined(platform) for platform in platforms or PLATFORMS])


def examined(platform: str) -> int:
    """The exit code of the kit for one platform."""
    with served(platform) as shop, tempfile.TemporaryDirectory() as folder:
        options = [
            f"--relay-connector={platform}",
            *(f"--relay-param={name}={value}" for name, value in shop.parameters.items()),
            *([f"--relay-state-url={shop.url}", REMOVE] if shop.url else []),
            *([f"--relay-order={shop.order}"] if shop.order else []),
            f"--relay-rows={ROWS}",
            f"--relay-report={REPORTS / platform}.md",
        ]
        # Far from the checkout, whose own settings of pytest are none of the kit's. `remove` is
        # found in it all the same.
        command = [sys.executable, "-m", "pytest", "-q", "--pyargs", "vario_relay.testing"]
        known = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run([*command, *options], cwd=folder, env=known, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
