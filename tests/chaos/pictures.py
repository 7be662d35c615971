"""An employee who changes the images of articles in the ERP."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import requests

from tests.chaos.world import World

#: More make an upload of minutes of a run of one.
MOST = 4

_Edit = Callable[[list[str], str], dict[str, Any]]
#: What can be done to images, of all of them and one that was drawn.
EDITS: tuple[_Edit, ...] = (
    lambda ids, one: {"add": 1},
    lambda ids, one: {"replace": [one]},
    lambda ids, one: {"remove": [one]},
    lambda ids, one: {"order": ids[::-1]},
    lambda ids, one: {"favourite": one},
)


class Pictures:
    """Adds, replaces, removes, sorts and stars images."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._rng = world, rng
        self.edits = 0

    def edit(self, article: dict[str, Any]) -> None:
        self.edits += 1
        url = f"{self._world.erp_url}/_sandbox/media"
        images = requests.get(url, {"article": article["id"]}, timeout=30).json()["images"]
        ids = [str(one["id"]) for one in images]
        if not ids:
            wanted: dict[str, Any] = {"add": 1 + int(self._rng.random() * 2)}
        else:
            possible = EDITS if len(ids) < MOST else EDITS[1:]
            wanted = self._rng.choice(possible)(ids, self._rng.choice(ids))
        self._world.erp("media", article=article["id"], **wanted)
