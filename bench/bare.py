"""The baseline of ingest: a Flask route that does one upsert and nothing else."""

from __future__ import annotations

from flask import Flask, request
from sqlalchemy import create_engine, text

from integration import settings

TABLE = "CREATE TABLE bare (id BIGINT PRIMARY KEY, n INTEGER NOT NULL)"
UPSERT = text(
    "INSERT INTO bare (id, n) VALUES (:id, 1) ON CONFLICT (id) DO UPDATE SET n = bare.n + 1"
)


def create_app() -> Flask:
    """No token, no schema, no log, no nudge; the same database and the same gunicorn."""
    app = Flask("bare")
    engine = create_engine(settings.current().database_url, pool_size=10, max_overflow=20)

    @app.post("/bare")
    def bare() -> dict[str, bool]:
        with engine.begin() as connection:
            connection.execute(UPSERT, {"id": int(request.get_json()["articleId"])})
        return {"success": True}

    return app
