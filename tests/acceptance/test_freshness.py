"""How soon a single change is in the shop, with the settings as shipped.

The same with separate processes is in test_bursts, whose service has what it takes.
"""

from __future__ import annotations

import pytest

from tests.acceptance.bursts import assert_fresh
from tests.acceptance.deployments import embedded_only
from tests.acceptance.service import AS_SHIPPED, Service

pytestmark = pytest.mark.alone
OPTIONS = {"articles": 20}
ONCE_FULL = AS_SHIPPED


@embedded_only
def test_the_first_change_after_quiet_is_in_the_shop_within_two_seconds(service: Service):
    assert_fresh(service)
