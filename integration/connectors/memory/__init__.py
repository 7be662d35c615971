"""The reference connector: a shop in this process's memory, for tests and for measuring the engine.

It behaves as `base.Connector` promises and does no more. Shops are shared by namespace, so that all
workers of one process see the same one; `shop(namespace)` gives a test the shop itself, to look at
what arrived and to switch failures on. A channel that keeps nothing accepts every row, so that
workers in many processes agree on it.
"""

from integration.connectors.base import DETAIL_PARAMETERS, Parameter, Platform
from integration.connectors.memory.connector import KEEPS_NOTHING, MemoryConnector
from integration.connectors.memory.shop import MemoryShop, forget_shops, shop

PLATFORM = Platform(
    name="memory",
    parameters=(
        Parameter(
            KEEPS_NOTHING,
            "yes: accept every row and forget it, for measuring the engine",
            is_required=False,
        ),
        *DETAIL_PARAMETERS,
    ),
    capabilities=MemoryConnector.capabilities,
    build=MemoryConnector,
)

__all__ = ["PLATFORM", "MemoryConnector", "MemoryShop", "forget_shops", "shop"]
