"""Writes docs/settings.md from the settings: `.venv/bin/python scripts/settings_doc.py`."""

from pathlib import Path

from integration.settings import SETTING_NAMES
from integration.settings_help import SENTENCE_BY_SETTING, default_text

TARGET = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """\
# Settings

Read once at start, from the environment and from `.env` in the working folder; the environment
wins. Wrong, unknown and contradictory settings stop the start and are named together. An empty
value means "not set". `vario-relay init` writes a `.env` with all of them.

This page is written by `scripts/settings_doc.py`; edit `integration/settings_help.py`.

| setting | default | meaning |
|---|---|---|
"""


def document() -> str:
    """The page as it should be."""
    return HEAD + "".join(f"{_row(name)}\n" for name in SETTING_NAMES)


def _row(name: str) -> str:
    default = default_text(name)
    shown = f"`{default}`" if default else "none"
    if name == "RELAY_SECRET_KEY":
        shown = "none; required"
    return f"| `{name}` | {shown} | {SENTENCE_BY_SETTING[name]} |"


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
