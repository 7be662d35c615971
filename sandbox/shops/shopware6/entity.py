"""What an entity is: its fields, what is required, and how it hangs together with others.

The order of `fields` is the order in which missing values are reported. Kinds: str, text, int,
float, bool, price, json, map, date, id, strs (a list of texts), state (only transitions change
it); an id that is also in `foreign` must refer to a row that exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

LIVE_VERSION = "0fa91ce3e96a4bc2be4bd9ce752c3425"


@dataclass(frozen=True)
class Link:
    """A many-to-many association: the other entity, and the table with both keys."""

    entity: str
    table: str
    own: str
    other: str


@dataclass(frozen=True)
class Entity:
    """One table. `one`: association -> own foreign key; `many`: association -> (table, its key).

    `single` names those of `many` that have one row at most and are shown as one.
    """

    name: str
    fields: dict[str, str]
    translated: dict[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    key: tuple[str, ...] = ("id",)
    foreign: dict[str, str] = field(default_factory=dict)
    one: dict[str, str] = field(default_factory=dict)
    many: dict[str, tuple[str, str]] = field(default_factory=dict)
    single: tuple[str, ...] = ()
    linked: dict[str, Link] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    protected: tuple[str, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)  # shown, never written here
    autoload: tuple[str, ...] = ()
    versioned: bool = False

    @property
    def route(self) -> str:
        return self.name.replace("_", "-")

    @cached_property
    def id_name(self) -> str:
        """What another table calls this one's key: product_media -> productMediaId."""
        head, *rest = self.name.split("_")
        return head + "".join(part.title() for part in rest) + "Id"

    @cached_property
    def associations(self) -> tuple[str, ...]:
        return (*self.one, *self.many, *self.linked)

    @cached_property
    def alone(self) -> frozenset[str]:
        """The associations that are shown as one row or null, all others as a list."""
        return frozenset((*self.one, *self.single))

    @cached_property
    def names(self) -> dict[str, None]:
        """Every member of a row as it is read, in a fixed order."""
        head = ["extensions", "_uniqueIdentifier", "versionId", "translated", "createdAt",
                "updatedAt"]
        tail = ["translations"] if self.translated else []
        own = [*self.fields, *self.translated, *self.protected, *self.constants]
        return dict.fromkeys([*head, *own, *self.associations, *tail, "id"])
