"""WooCommerce (9.1 and later) through its REST API v3.

`settings` reads the channel's parameters, `payloads` makes bodies (pure), `client` speaks HTTP and
`answers` reads what comes back, `facts` asks the shop how it is set up, `products` and `choices`
what it has, `rows` fills the bodies with it, `batch` sends them in requests of a size that `pace`
finds and judges each row, `echo` compares it with what the shop shows back, `connector` ties all
together and `checks` is what `doctor` shows. Where a comment says "recorded", a real 11.0.1 was
asked.
"""

from integration.connectors.base import Platform
from integration.connectors.woocommerce.connector import WooCommerceConnector
from integration.connectors.woocommerce.settings import PARAMETERS

PLATFORM = Platform(
    name="woocommerce",
    parameters=PARAMETERS,
    capabilities=WooCommerceConnector.capabilities,
    build=WooCommerceConnector,
)

__all__ = ["PLATFORM", "WooCommerceConnector"]
