"""Every `vario-relay` command that README and docs show exists, options included."""

import re
from collections.abc import Iterator
from importlib import import_module

import click
import pytest

from tests.architecture.source import ROOT

# A command ends where the shell, a comment or the inline code does.
COMMAND = re.compile(r"vario-relay((?: +[^\s`#;&>]+)+)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.S)


def shown() -> Iterator[tuple[str, str]]:
    """(file, command) for all code in the documents."""
    for path in [*ROOT.glob("README.md"), *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8").replace("\\|", "|").replace("\\\n", " ")
        for code in CODE.findall(text):
            for command in COMMAND.findall(code):
                yield path.name, " ".join(command.split())


def group() -> click.Group:
    (found,) = {
        value
        for value in vars(import_module("cli.main")).values()
        if isinstance(value, click.Group) and value.name in ("main", "cli", "vario-relay")
    }
    return found


def problems(command: click.Command, words: list[str]) -> list[str]:
    """What does not exist. `a|b` in place of a subcommand means both; brackets mean optional."""
    if words and isinstance(command, click.Group) and re.match(r"[a-z]", words[0]):
        below = [command.commands.get(name) for name in words[0].split("|")]
        if None in below:
            return [f"no command {words[0]}"]
        return [problem for each in below for problem in problems(each, words[1:])]
    known = {"--help"}.union(*((*each.opts, *each.secondary_opts) for each in command.params))
    used = [name for word in words for name in re.findall(r"(?<![\w-])--[a-z][a-z-]*", word)]
    return [f"no option {name}" for name in used if name not in known]


@pytest.mark.parametrize(("file", "command"), sorted(set(shown())))
def test_a_command_shown_in_the_documents_exists(file, command):
    assert problems(group(), command.split()) == []


def test_the_documents_show_commands():
    assert len(set(shown())) >= 5
