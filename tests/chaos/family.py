"""A main article with variants below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.chaos.world import World

#: Behind the articles that have images: of a variation's, WooCommerce shows the first alone.
FIRST, VARIANTS = 24, 3
MAIN_ARTICLE = "VARIANT_MAIN_ARTICLE"


@dataclass(frozen=True)
class Family:
    main: dict[str, Any]
    variants: tuple[dict[str, Any], ...]


def make(world: World) -> Family:
    """Before anything is in the shop, and the channel wants variants."""
    main, *variants = world.articles_for_sale()[FIRST : FIRST + 1 + VARIANTS]
    world.edit(main, product_type=MAIN_ARTICLE, gross=None)
    for number, one in enumerate(variants):
        world.edit(one, variant_of=main["number"], variant_values={"Größe": str(40 + number)})
    world.set_parameter("variants", "on")
    world.wants_variants = True
    return Family(main, tuple(variants))
