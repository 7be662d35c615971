"""Which rights of the integration's role the original asks for where no row is written: to search,
to upload a file, to take a step. `writer` asks for those to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import errors, search
from .schema import ENTITIES, Entity

ACTIONS = ("read", "create", "update", "delete")
TRANSLATIONS = "translations"
UPLOAD = ("media:update",)
NAMES_OF_FILES = ("media:read",)


#: The tables of a shop, those of translations too: no row of the sandbox is one of them, but rights
#: are named after them.
TABLES = (*ENTITIES, *(f"{one.name}_translation" for one in ENTITIES.values() if one.translated))
#: All rights that a role can have here.
ALL = tuple(sorted(f"{table}:{action}" for table in TABLES for action in ACTIONS))


def to_step(entity: str) -> tuple[str, ...]:
    """To move a row of the entity through its states."""
    return f"{entity}:update", "state_machine_history:create"


def to_search(entity: Entity, criteria: search.Criteria) -> Iterator[str]:
    """To read the entity, what is loaded with it, and what its filters and sortings lead through.
    """
    yield f"{entity.name}:read"
    for path in search.fields_of(criteria):
        yield from _along(entity, path)
    for name, nested in criteria.associations.items():
        if name == TRANSLATIONS and entity.translated:
            yield f"{entity.name}_translation:read"
        elif name in entity.associations:
            inner = search.criteria_of(nested if isinstance(nested, Mapping) else {})
            yield from to_search(search.target(entity, name), inner)


def check(denied: Iterable[str], needed: Iterable[str]) -> None:
    """Raises ApiError that names all that the role lacks of `needed`."""
    denied = set(denied)
    missing = [one for one in dict.fromkeys(needed) if one in denied]
    if missing:
        raise errors.missing_privileges(missing)


def _along(entity: Entity, path: Any) -> Iterator[str]:
    name, _, rest = search.own_name(entity, str(path)).partition(".")
    if rest and name in entity.associations:
        passed = search.target(entity, name)
        yield f"{passed.name}:read"
        yield from _along(passed, rest)
