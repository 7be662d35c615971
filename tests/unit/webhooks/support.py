"""What the webhook tests share: keys, app tokens, and a small database of two merchants."""

import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient
from jwt.algorithms import ECAlgorithm
from sqlalchemy import Engine, select

from integration import settings
from integration.db import session_scope
from integration.models import SalesChannel, SyncRun, Tenant, WorkItem
from integration.settings import Settings
from tests.engines import engine_at
from webhooks.app import create_app

APP = "5b8ff2f1-5a55-4a7b-a0c2-5d8b2f8b1a11"
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def public_jwk(key: ec.EllipticCurvePrivateKey, kid: str | None = None) -> dict[str, Any]:
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return jwk if kid is None else {**jwk, "kid": kid}


JWKS = json.dumps({"keys": [public_jwk(KEY)]})


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; a change to None removes the claim."""
    good = {"aud": APP, "exp": int(time.time()) + 600, "tenantSubdomain": "acme"}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(*, key: Any = KEY, algorithm: str = "ES256", headers: Any = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


def bearer(**changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(**changes)}"}


def settings_for(database_url: str, **changes: str) -> Settings:
    return settings.from_env(
        {
            "RELAY_DATABASE_URL": database_url,
            "RELAY_APP_JWK": JWKS,
            "RELAY_APP_IDENTIFIER": APP,
            **changes,
        }
    )


@dataclass
class World:
    """Merchant acme with the channels 42 (paused), 43 (held) and 44; globex with 99; empty."""

    engine: Engine
    client: FlaskClient
    wakes: list[None]

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        options.setdefault("headers", bearer())
        return self.client.post(f"/api/webhooks/{path}", data=content, **options)

    def items(self) -> list[tuple[str, str, str, str]]:
        """(tenant, channel, topic, entity) of every work item, sorted."""
        columns = (Tenant.subdomain, SalesChannel.erp_id, WorkItem.topic, WorkItem.entity_id)
        statement = select(*columns).join_from(WorkItem, SalesChannel).join(Tenant)
        with session_scope(self.engine) as session:
            return sorted(tuple(row) for row in session.execute(statement))

    def passes(self) -> list[tuple[str, str]]:
        """(channel, topics) of every pass that was asked for, sorted."""
        statement = select(SalesChannel.erp_id, SyncRun.topics).join_from(SyncRun, SalesChannel)
        with session_scope(self.engine) as session:
            return sorted(tuple(row) for row in session.execute(statement))

    def is_untouched(self) -> bool:
        return self.items() == [] and self.passes() == [] and self.wakes == []


def build_world(database_url: str) -> World:
    config = settings_for(database_url)
    # These tests take the database away in less time than any real server needs to come back.
    engine = engine_at(config.database_url, idle_s=0.0)
    with session_scope(engine) as session:
        acme, globex, empty = (Tenant(subdomain=name) for name in ("acme", "globex", "empty"))
        session.add_all([acme, globex, empty])
        session.flush()
        session.add_all(
            [
                SalesChannel(tenant_id=acme.id, erp_id="42", platform="memory", is_paused=True),
                SalesChannel(
                    tenant_id=acme.id,
                    erp_id="43",
                    platform="memory",
                    is_paused=False,
                    held_reason="the shop refuses the password",
                ),
                SalesChannel(tenant_id=acme.id, erp_id="44", platform="memory", is_paused=False),
                SalesChannel(tenant_id=globex.id, erp_id="99", platform="memory"),
            ]
        )
    wakes: list[None] = []
    app = create_app(config, engine, wake=lambda: wakes.append(None), broker_state=lambda: "ok")
    return World(engine, app.test_client(), wakes)
