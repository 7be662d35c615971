"""docs/sandbox-erp.md tells of every route, option, fault and source, and of none that is not."""

import re
from pathlib import Path

import pytest

from sandbox.erp import Options, create_app
from sandbox.erp.options import CHOICES, RUNNING
from sandbox.erp.vql import sources

DOC = (Path(__file__).parents[3] / "docs" / "sandbox-erp.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([A-Z|]+) (\S+?)(?:[ ?][^`]*)?`")
PLACEHOLDER = re.compile(r"<(?:any\(([^)]*)\):\w+|(?:\w+:)?\w+)>")
WITHOUT_PREFIX = ("/realms/", "/public/", "/api/vario/")


@pytest.fixture(scope="module")
def app():
    made = create_app(Options(articles=1))
    yield made
    made.config["CLOSE"]()


def section(title):
    return DOC.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title):
    """The cells of each row of the table in that section, without its head."""
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section(title).splitlines()
             if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in cells[2:]]


def told(title):
    found = set()
    for methods, path in CODE.findall(section(title).replace("\\|", "|")):
        if not path.startswith("/"):
            path = f"/_sandbox/{path}"
        elif not path.startswith(WITHOUT_PREFIX):
            path = f"/api/vario{path}"
        found |= {f"{method} {re.sub('{.*?}', '{}', path)}" for method in methods.split("|")}
    return found


def served(app, is_admin):
    def written(match):
        return match[1].replace("'", "").replace(", ", "|") if match[1] else "{}"

    return {f"{method} {PLACEHOLDER.sub(written, rule.rule)}"
            for rule in app.url_map.iter_rules() if rule.endpoint != "static"
            for method in rule.methods - {"HEAD", "OPTIONS"}
            if rule.rule.startswith("/_sandbox") == is_admin}


@pytest.mark.parametrize(("title", "is_admin"), [
    ("Routes for tests", True), ("Routes of the ERP", False)])
def test_the_document_names_exactly_the_routes_there_are(app, title, is_admin):
    assert told(title) == served(app, is_admin)


def test_the_document_names_every_option_with_its_default_and_its_values():
    def text(value):
        return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)

    found = {name.strip("`"): (default, values) for name, default, values, _why in rows(
        "What can be chosen")}

    assert list(found) == list(RUNNING)
    assert {name: default for name, (default, _values) in found.items()} == {
        name: text(getattr(Options(), name)) for name in RUNNING}
    assert {name: values for name, (_default, values) in found.items() if name in CHOICES} == {
        name: ", ".join(str(one) or "empty" for one in known) for name, known in CHOICES.items()}


def test_the_document_names_every_fault(app):
    kinds = {kind for names, _what in rows("Faults") for kind in re.findall(r"`(.*?)`", names)}

    assert kinds == set(app.config["WORLD"].faults.kinds)


def test_the_document_names_every_source():
    listed = section("Routes of the ERP").split("VQL sources:")[1]

    assert set(re.findall(r"`(.*?)`", listed)) == set(sources.names())
