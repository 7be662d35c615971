"""`vario-relay init`: the `.env` of a new installation."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import click

from cli.shared import say
from integration.errors import IntegrationError

ENV_FILE = Path(".env")
WIDTH = 98
HEAD = """\
Settings of vario-relay. Lines that begin with # are switched off and show the default.
The environment wins over this file. Keep it private: it holds secrets.
"""


@click.command()
def init() -> None:
    """Write .env into this folder: a fresh secret key, and every setting with a comment."""
    write_new(ENV_FILE, env_text())
    say(f"{ENV_FILE} is written, readable for its owner only; next: `vario-relay db upgrade`")


def env_text() -> str:
    """A new `.env`: every setting, only the secret key switched on."""
    from integration.settings import SETTING_NAMES
    from integration.settings_help import SENTENCE_BY_SETTING, default_text
    from integration.vault import new_key

    parts = [_comment(HEAD)]
    for name in SETTING_NAMES:
        value = new_key() if name == "RELAY_SECRET_KEY" else default_text(name)
        switch = "" if name == "RELAY_SECRET_KEY" else "# "
        parts.append(f"{_comment(SENTENCE_BY_SETTING[name])}\n{switch}{name}={value}")
    return "\n\n".join(parts) + "\n"


def _comment(text: str) -> str:
    lines = [line for part in text.splitlines() for line in textwrap.wrap(part, WIDTH)]
    return "\n".join(f"# {line}" for line in lines)


def write_new(path: Path, text: str) -> None:
    """Create `path`, for its owner only. Raises: IntegrationError if there is something."""
    try:
        # 0600 from the first moment: nobody can read the key between creation and a chmod.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise IntegrationError(
            f"{path} exists and is left as it is; the key in it opens the stored secrets, "
            "move it away to begin anew"
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
