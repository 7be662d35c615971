"""The app is removed from the tenant and installed again, by what ERP and browser do for it."""

from __future__ import annotations

import random
from typing import Any

import requests
from sqlalchemy import select

from integration import sync_runs
from integration.installation.tenants import CONNECTED
from integration.models import SyncRun, SyncRunState
from tests.acceptance.service import wait_until
from tests.chaos.world import World

#: The event of a soak.
INSTALLED_AGAIN = "installed again"
#: An install asks the ERP a dozen times, and one answer in fifty is a fault.
ANSWER_S, PATIENCE_S = 60.0, 60.0


def uninstall(world: World, rng: random.Random) -> None:
    """The deletion page is opened, does its work, and tells the ERP, which lets the app go.

    Whether the ERP itself forgets the webhooks of an app that goes is unknown.
    """
    _open(world, "uninstall")
    answer = _called(world, "uninstall")
    assert answer.status_code == 200, answer.text
    world.erp("uninstall", keep_webhooks=rng.random() < 0.5)


def install(world: World) -> None:
    """The install page is opened, pressed until every step is well, and the shop's secret is set
    again, as the page says."""
    offline_token = world.erp("reinstall")["offlineToken"]
    _open(world, "install")
    wait_until(
        lambda: _is_well(_called(world, "install", offlineToken=offline_token)),
        "the app is installed again",
        PATIENCE_S,
    )
    secret = world.folder / "client_secret"
    secret.write_text(world.shop_secret)
    done = world.relay("channel", "set", "42", f"client_secret=@{secret}")
    assert done.returncode == 0, done.stderr


def catch_ups(world: World) -> int:
    """Catch-ups that ended well and were asked for because the app was connected."""
    with world.runtime.scope() as session:
        reasons = session.scalars(
            select(SyncRun.reason).where(
                SyncRun.kind == sync_runs.CATCH_UP, SyncRun.state == SyncRunState.DONE.value
            )
        ).all()
    return sum(CONNECTED in (one or "") for one in reasons)


def _open(world: World, action: str) -> None:
    page = requests.get(f"{world.web_url}/{action}", timeout=ANSWER_S)
    assert page.ok, page.text


def _called(world: World, action: str, **body: str) -> requests.Response:
    """What the page's button sends."""
    token = world.erp("token")["token"]
    return requests.post(
        f"{world.web_url}/api/{action}",
        json={"language": "de", **body},
        headers={"Authorization": f"Bearer {token}"},
        timeout=ANSWER_S,
    )


def _is_well(answer: requests.Response) -> bool:
    content: dict[str, Any] = answer.json()
    # 409: an install whose page gave up is still at it.
    assert answer.status_code in (200, 409), answer.text
    return bool(content.get("ok"))
