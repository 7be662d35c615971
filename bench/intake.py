"""Webhooks accepted and durable, against a bare Flask route with one upsert on the same server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, request
from sqlalchemy import Engine, text

from bench.figures import Figure, fresh_database, stopwatch
from integration.settings import Settings, from_env
from integration.vault import new_key

REQUESTS = 2_000
APP = "6f0c6f0c-0000-4000-8000-000000000042"


def measure(database: str, url: str, scale: int) -> list[Figure]:
    """Requests per second of both, one thread each, through Flask's test client."""
    from webhooks.app import create_app

    requests = REQUESTS // scale
    key = ec.generate_private_key(ec.SECP256R1())
    with fresh_database(url) as (engine, _channel_id):
        _mark_schema(engine)
        app = create_app(_settings(url, key), engine, wake=lambda: None)
        headers = {"Authorization": f"Bearer {_token(key)}"}
        ours = _rate(app, "/api/webhooks/article.update/42", headers, requests)
        bare = _rate(_bare(engine), "/bare", {}, requests)
    return [
        Figure(database, "webhooks accepted", f"{ours:,.0f} per s", "one thread, one article each"),
        Figure(
            database,
            "against a bare upsert",
            f"{ours / bare:.0%}",
            f"a Flask route with one upsert and no checks: {bare:,.0f} per s",
        ),
    ]


def _settings(url: str, key: ec.EllipticCurvePrivateKey) -> Settings:
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return from_env(
        {
            "RELAY_DATABASE_URL": url,
            "RELAY_SECRET_KEY": new_key(),
            "RELAY_APP_IDENTIFIER": APP,
            "RELAY_APP_JWK": json.dumps({"keys": [jwk]}),
        }
    )


def _token(key: ec.EllipticCurvePrivateKey) -> str:
    claims = {"aud": APP, "tenantSubdomain": "acme", "exp": int(time.time()) + 3_600}
    return jwt.encode(claims, key, algorithm="ES256")


def _mark_schema(engine: Engine) -> None:
    """The tables were made from the models; say so where migrations would have."""
    from alembic import command

    from integration import schema

    command.stamp(schema.alembic_config(engine), "head")


def _rate(app: Flask, path: str, headers: dict[str, str], requests: int) -> float:
    client = app.test_client()
    send: Callable[[int], Any] = lambda one: client.post(  # noqa: E731 - one line, used twice
        path, json={"articleId": one}, headers=headers
    )
    assert send(0).status_code == 200
    with stopwatch() as taken:
        for one in range(1, requests + 1):
            send(one)
    return requests / taken[0]


def _bare(engine: Engine) -> Flask:
    app = Flask("bare")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS bare"))
        connection.execute(text("CREATE TABLE bare (id BIGINT PRIMARY KEY, n INTEGER)"))
    upsert = text(
        "INSERT INTO bare (id, n) VALUES (:id, 1) ON CONFLICT (id) DO UPDATE SET n = bare.n + 1"
    )

    @app.post("/bare")
    def bare() -> dict[str, bool]:
        with engine.begin() as connection:
            connection.execute(upsert, {"id": request.get_json()["articleId"]})
        return {"success": True}

    return app
