"""The rights that docs/shops/shopware6.md asks for."""

from __future__ import annotations

import re

from tests.architecture.source import ROOT

_GUIDE = ROOT / "docs" / "shops" / "shopware6.md"


def listed_rights() -> set[str]:
    """Each right in the tables of the section, as Shopware names it (``product:read``)."""
    section = _GUIDE.read_text().split("## Rights of the integration")[1].split("\n## ")[0]
    return {
        f"{entity}:{action}"
        for entities, actions in re.findall(r"^\| (`.+?`) \| ([a-z, ]+?) \|", section, re.M)
        for entity in re.findall(r"`(\w+)`", entities)
        for action in actions.split(", ")
    }
