"""docs/settings.md is what scripts/settings_doc.py writes."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_current():
    script = runpy.run_path(str(ROOT / "scripts" / "settings_doc.py"))

    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == script["document"](), (
        "run .venv/bin/python scripts/settings_doc.py"
    )
