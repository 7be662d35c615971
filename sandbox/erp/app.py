"""Puts the sandbox ERP together as a Flask app, and serves it."""

from __future__ import annotations

import gc
from pathlib import Path

from flask import Flask

from sandbox import faults, requests_log, serving
from sandbox.apps import SandboxApp
from sandbox.erp import (
    admin,
    errors,
    gate,
    ids,
    queries,
    rest_app,
    rest_articles,
    rest_channels,
    rest_dms,
    rest_documents,
    rest_messages,
    rest_prices,
    rest_records,
    sso,
)
from sandbox.erp.burst import Burst
from sandbox.erp.options import Options
from sandbox.erp.world import World


def create_app(options: Options | None = None, url: str = "http://127.0.0.1") -> Flask:
    """The sandbox ERP; `url` is the address it will be served under.

    Raises ValueError if the catalogue cannot be read.
    """
    world = World(options or Options(), url.rstrip("/"))
    burst = Burst(world.courier)
    app = SandboxApp("sandbox.erp")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config["WORLD"] = world
    app.config["CREDENTIALS"] = world.credentials()

    def close() -> None:
        burst.stop()
        world.faults.clear()
        world.courier.close()

    app.config["CLOSE"] = close
    requests_log.install(app, world.log)
    errors.install(app)
    # Faults come first: a gateway that fails does not ask for a token.
    faults.install(app, world.faults, delay_header="x-rate-limit-retry-after-seconds",
                   error_body=errors.api_error_body)
    gate.install(app, world)
    ids.install(app, world)
    for part in (sso, queries, rest_articles, rest_channels, rest_app, rest_records,
                 rest_messages, rest_documents, rest_dms, rest_prices):
        app.register_blueprint(part.blueprint(world))
    app.register_blueprint(admin.blueprint(world, burst))
    return app


def serve(port: int = 0, articles: int = Options.articles, catalogue: str | Path | None = None,
          seed: int = Options.seed, profile: str = Options.profile,
          domain: str = Options.domain, illustrated: int = Options.illustrated) -> None:
    """Serve until SIGTERM or SIGINT; prints one JSON ready line. A port of 0 takes a free one.

    Raises OSError if the port is taken, ValueError if an option or the catalogue is wrong.
    """
    options = Options(articles=articles, catalogue=catalogue, seed=seed, profile=profile,
                      domain=domain, illustrated=illustrated)
    serving.serve(lambda url: _settled(create_app(options, url)), port=port)


def _settled(app: Flask) -> Flask:
    # The catalogue never becomes garbage; looking through it each time costs more than a query.
    gc.collect()
    gc.freeze()
    return app
