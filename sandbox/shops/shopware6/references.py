"""What becomes of a row when the row goes that it refers to."""

from __future__ import annotations

from .entity import Entity
from .schema import ENTITIES

# In the database's words; to restrict is its default.
CASCADE, SET_NULL, RESTRICT = "CASCADE", "SET NULL", ""

# By the entity that is referred to: the tables that do, each with its foreign key.
DEPENDENTS: dict[str, list[tuple[str, str]]] = {name: [] for name in ENTITIES}
for _table in ENTITIES.values():
    for _foreign, _target in _table.foreign.items():
        DEPENDENTS[_target].append((_table.name, _foreign))


def on_delete(child: Entity, foreign: str) -> str:
    """A row goes along if it is nothing without the other, and else stays without it."""
    if foreign == "taxId":
        return RESTRICT
    is_part = foreign in child.key or foreign in child.required or foreign == "parentId"
    return CASCADE if is_part else SET_NULL
