"""The reference connector: a shop in this process's memory, for tests and for measuring the engine.

It behaves as `base.Connector` promises and does no more. Shops are shared by namespace, so that all
workers of one process see the same one; `shop(namespace)` gives a test the shop itself, to look at
what arrived and to switch failures on.
"""

from integration.connectors.base import Platform
from integration.connectors.memory.connector import MemoryConnector
from integration.connectors.memory.shop import MemoryShop, forget_shops, shop

PLATFORM = Platform(
    name="memory", parameters=(), capabilities=MemoryConnector.capabilities, build=MemoryConnector
)

__all__ = ["PLATFORM", "MemoryConnector", "MemoryShop", "forget_shops", "shop"]
