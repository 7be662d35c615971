"""Platforms that are given fewer topics than ours are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.connectors import registry
from integration.topology import Topic


def leave_out(monkeypatch: pytest.MonkeyPatch, platform: str, *topics: Topic) -> None:
    """Have the platform carry all of its topics but these."""
    kept = registry.platform

    def without(name: str) -> Any:
        found = kept(name)
        if name != platform:
            return found
        sizes = {t: size for t, size in found.capabilities.max_batch.items() if t not in topics}
        return replace(found, capabilities=replace(found.capabilities, max_batch=sizes))

    monkeypatch.setattr(registry, "platform", without)
