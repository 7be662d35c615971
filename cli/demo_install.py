"""The demo's install: what the ERP and its user's browser do with a new app."""

from __future__ import annotations

from urllib.parse import urljoin

import requests

from cli.demo_processes import DemoFailed
from cli.demo_stage import TENANT, TIMEOUT_S, Stage


def install(stage: Stage) -> None:
    """Read the manifest, open the page that it names, and send what the page sends."""
    page = str(stage.get(f"{stage.web_url}/manifest")["pcInstallationUrl"])
    print(f"installing the app: {page}", flush=True)
    _open(page)
    token = stage.post(f"{stage.erp_url}/_sandbox/token", {"tenant": TENANT})["token"]
    answer = requests.post(
        urljoin(page, "api/install"),
        json={"offlineToken": stage.erp["credentials"]["offlineToken"]},
        headers={"Authorization": f"Bearer {token}"},
        timeout=2 * TIMEOUT_S,
    )
    if not answer.ok:
        raise DemoFailed(f"the install was answered {answer.status_code}: {answer.text[:200]}")
    for step in answer.json()["steps"]:
        print(f"  {'ok   ' if step['ok'] else 'FAULT'}  {step['step']}: {step['detail']}")
        if not step["ok"]:
            raise DemoFailed(f"the install failed at {step['step']}: {step['detail']}")


def _open(page: str) -> None:
    """The page and its script, as a browser loads them."""
    for address in (page, urljoin(page, "install-files/install.js")):
        answer = requests.get(address, timeout=TIMEOUT_S)
        if not answer.ok:
            raise DemoFailed(f"{address} answered {answer.status_code}")
