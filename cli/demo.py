"""The main job, shown: sandboxed ERP to sandboxed shop, first everything, then every change.

Every step is a command an operator would run; the judgement at the end is made by
sandbox.comparison, which shares no code with the product.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests

from cli import demo_install, demo_orders
from cli.demo_processes import VARIO_RELAY, DemoFailed, Processes, free_port, procfile_commands
from cli.demo_reconcile import reconcile
from cli.demo_report import Figures, judge, show_table
from cli.demo_stage import CHANNEL, TENANT, Stage
from cli.demo_story import tell
from cli.times import hour_of_no_night
from integration import vault
from integration.connectors import registry
from integration.topology import Topic

EDITS = 200
EDIT_SECONDS = 6
#: Articles that have images. Without a column each costs the ERP's budget two to five requests, so
#: that those of a whole catalogue would take longer than all the rest.
ILLUSTRATED = 16
#: Articles whose images are edited, each in another way.
IMAGE_EDITS: tuple[Callable[[list[str]], dict[str, Any]], ...] = (
    lambda ids: {"add": 2},
    lambda ids: {"replace": ids[:1]},
    lambda ids: {"order": ids[::-1], "favourite": ids[-1:], "alt": {ids[0]: "Neuer Text"}},
    lambda ids: {"remove": ids[:1]},
    lambda ids: {"hide": ids[-1:]},
)
MERCHANTS_ZONE = ZoneInfo("Europe/Berlin")
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Options:
    """What `vario-relay demo` was asked for."""

    articles: int = 1_000
    platform: str = "shopware6"
    catalogue: Path | None = None
    keep: bool = False
    distributed: bool = False
    profile: str = "columns"
    seed: int = 1


def run_demo(
    options: Options, before_judging: Callable[[Stage], None] = lambda _stage: None
) -> int:
    """Run the demo; exit code 0 when the shop is what the ERP says, else 1.

    `before_judging` lets a test disturb the result, to see that the judgement notices.
    """
    folder = Path(tempfile.mkdtemp(prefix="vario-relay-demo-"))
    try:
        with contextlib.ExitStack() as stack:
            started = time.monotonic()
            stage = _set_the_stage(stack, folder, options)
            _initial_sync(stage)
            figures = _edit(stage, options)
            tell(stage)
            reconcile(stage)
            before_judging(stage)
            verdict = judge(stage)
            show_table(stage, figures, verdict, time.monotonic() - started)
    except (DemoFailed, requests.RequestException) as error:
        print(f"demo: FAILED {error}", flush=True)
        return 1
    finally:
        if options.keep:
            print(f"kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if not verdict.is_ok:
        first = verdict.differences[0] if verdict.differences else "counts differ"
        print(f"demo: FAILED {first} ({len(verdict.differences)} differences)")
        return 1
    print(f"demo: OK articles={verdict.articles} identical={verdict.identical}")
    return 0


def _set_the_stage(stack: contextlib.ExitStack, folder: Path, options: Options) -> Stage:
    port = free_port()
    processes = stack.enter_context(Processes(folder, _environment()))
    erp = processes.sandbox("sandbox-erp", ["erp", *_catalogue_arguments(options)])
    shop = processes.sandbox("sandbox-shop", ["shop", "--platform", options.platform])
    processes.environ.update(_settings(folder, erp["credentials"], port))
    if options.distributed:
        processes.environ.update(stack.enter_context(_servers()))
    stage = Stage(processes, erp, shop, f"http://127.0.0.1:{port}")
    processes.run("db", "upgrade")
    if options.distributed:
        _start_procfile(stage)
    else:
        stage.start_web("up", [*VARIO_RELAY, "up"])
    demo_install.install(stage)
    _connect_shop(stage, options)
    return stage


def _environment() -> dict[str, str]:
    """This environment without the RELAY_ settings of a developer, finding this installation."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("RELAY_")}
    paths = [str(ROOT), *filter(None, [environ.get("PYTHONPATH")])]
    environ["PYTHONPATH"] = os.pathsep.join(paths)
    commands = [str(Path(VARIO_RELAY[0]).parent), environ.get("PATH", "")]
    environ["PATH"] = os.pathsep.join(commands)
    return environ


def _catalogue_arguments(options: Options) -> list[str]:
    arguments = ["--seed", str(options.seed), "--profile", options.profile]
    capabilities = registry.platform(options.platform).capabilities
    illustrated = ILLUSTRATED if Topic.MEDIA in capabilities.max_batch else 0
    arguments += ["--illustrated", str(illustrated)]
    if options.catalogue is not None:
        return [*arguments, "--catalogue", str(options.catalogue.resolve())]
    return [*arguments, "--articles", str(options.articles)]


def _settings(folder: Path, credentials: dict[str, Any], port: int) -> dict[str, str]:
    return {
        "RELAY_DATABASE_URL": f"sqlite:///{folder / 'relay.db'}",
        "RELAY_SECRET_KEY": vault.new_key(),
        "RELAY_PORT": str(port),
        "RELAY_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "RELAY_APP_IDENTIFIER": credentials["appIdentifier"],
        "RELAY_CLIENT_ID": credentials["clientId"],
        "RELAY_CLIENT_SECRET": credentials["clientSecret"],
        "RELAY_APP_JWK": json.dumps(credentials["jwk"]),
        "RELAY_ERP_URL": credentials["erpUrl"],
        "RELAY_ERP_TOKEN_URL": credentials["tokenUrl"],
        # Whoever looks on at three in the morning sees what one sees by day.
        "RELAY_TIMEZONE": MERCHANTS_ZONE.key,
        "RELAY_NIGHTLY_HOUR": str(hour_of_no_night(datetime.now(MERCHANTS_ZONE))),
    }


@contextlib.contextmanager
def _servers() -> Iterator[dict[str, str]]:
    """Private Postgres and RabbitMQ for `--distributed`."""
    from cli import servers
    from cli.private_server import ServerError

    try:
        with servers.private_servers() as (postgres, rabbitmq):
            yield {"RELAY_DATABASE_URL": postgres.url, "RELAY_BROKER_URL": rabbitmq.url}
    except ServerError as error:
        raise DemoFailed(str(error)) from error


def _connect_shop(stage: Stage, options: Options) -> None:
    run = stage.processes.run
    run("channel", "add", CHANNEL, "--tenant", TENANT, "--platform", options.platform)
    credentials = dict(stage.shop["credentials"])
    for one in registry.platform(options.platform).parameters:
        if one.is_secret and one.name in credentials:
            run("channel", "set", CHANNEL, f"{one.name}=-", given=credentials.pop(one.name))
    run("channel", "set", CHANNEL, *(f"{key}={value}" for key, value in credentials.items()))


def _start_procfile(stage: Stage) -> None:
    """The Procfile's processes, as a process manager would start them."""
    procfile = ROOT / "Procfile"
    if not procfile.exists():
        raise DemoFailed("--distributed needs the Procfile of a checkout of vario-relay")
    stage.processes.environ["FLOWER_BASIC_AUTH"] = f"demo:{vault.new_key()[:12]}"
    stage.processes.environ["FLOWER_PORT"] = str(free_port())
    for name, command in procfile_commands(procfile).items():
        if name == "web":
            stage.start_web(name, ["sh", "-c", command], cwd=ROOT)
        else:
            stage.processes.start(name, ["sh", "-c", command], cwd=ROOT)


def _initial_sync(stage: Stage) -> None:
    run = stage.processes.run
    run("doctor", CHANNEL)
    run("sync", CHANNEL, "--dry-run")
    run("channel", "resume", CHANNEL)
    run("sync", CHANNEL, "--wait")


def _edit(stage: Stage, options: Options) -> Figures:
    """Orders that are shipped, and 200 random edits: in bursts, and with duplicate webhooks."""
    figures = Figures(before=stage.database_now())
    burst = {
        "articles": options.articles,
        "edits": EDITS,
        "seconds": EDIT_SECONDS,
        "topics": ["article", "price", "stock"],
        "duplicates": 0.2,
        "seed": options.seed,
    }
    figures.orders = demo_orders.ship_some(stage, options.platform)
    print(f"editing: {EDITS} random changes in the ERP within {EDIT_SECONDS} s", flush=True)
    stage.post(f"{stage.erp_url}/_sandbox/burst", burst)
    figures.edits = EDITS + _edit_images(stage)
    stage.wait_until_idle()
    figures.work_items = stage.items_hinted_since(figures.before)
    return figures


def _edit_images(stage: Stage) -> int:
    """Images that are added, replaced, put in another order, removed and hidden; how many edits."""
    articles = stage.get(f"{stage.erp_url}/_sandbox/state", limit=ILLUSTRATED)["articles"]
    illustrated = [one for one in articles if one["images"]]
    for article, edit in zip(illustrated, IMAGE_EDITS, strict=False):
        ids = [image["id"] for image in article["images"]]
        body = {"article": article["id"], **edit(ids)}
        stage.post(f"{stage.erp_url}/_sandbox/media", body)
    return min(len(illustrated), len(IMAGE_EDITS))
