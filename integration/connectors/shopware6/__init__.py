"""Shopware 6 (6.5 and later, self-hosted or cloud) through its Admin API.

`settings` reads the channel's parameters, `payloads` makes bodies (pure), `client` speaks HTTP and
`answers` and `refusals` read what comes back, `facts` and `products` ask the shop what it has,
`rows` fills the bodies with it, `batch` gets them accepted row by row, `connector` ties all
together and `checks` is what `doctor` shows. Where a comment says "recorded", a real 6.6.7.1 was
asked.
"""

from integration.connectors.base import Platform
from integration.connectors.shopware6.connector import Shopware6Connector
from integration.connectors.shopware6.settings import PARAMETERS

PLATFORM = Platform(
    name="shopware6",
    parameters=PARAMETERS,
    capabilities=Shopware6Connector.capabilities,
    build=Shopware6Connector,
)

__all__ = ["PLATFORM", "Shopware6Connector"]
