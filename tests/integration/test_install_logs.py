"""What the ERP puts into the query of the install pages reaches no log of a web server."""

import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli import embedded
from integration.db import build_engine
from integration.observe import mask_handlers
from tests.unit.webhooks.support import APP, JWKS, settings_for
from webhooks import app as web

ROOT = Path(__file__).resolve().parents[2]
SECRET = "query-that-nobody-may-read"
QUERY = f"offlineToken={SECRET}&appToken={SECRET}&context={SECRET}"
#: Good ones, one that is refused, and ones that the server itself cannot read.
REQUESTS = [
    f"GET /install?{QUERY} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /uninstall?{QUERY} HTTP/1.1\r\nHost: x\r\nReferer: https://x/install?{QUERY}\r\n\r\n",
    f"GET /api/install?{QUERY} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"POST /api/uninstall?{QUERY} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    f"GET /install?{QUERY} and more HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /install?{QUERY} HTTP/1.1\r\nHost x\r\n\r\n",
    f"GET /install?{QUERY}{'x' * 9_000} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /install?{QUERY} HTTP/7.7\r\nHost: x\r\n\r\n",
]


def exchange(port: int, request: str) -> bytes:
    """The beginning of the answer; empty when the server hung up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request.encode())
        try:
            return connection.recv(64)
        except ConnectionError:
            return b""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_not_that_of_gunicorn_even_when_its_access_log_is_on(sqlite_url, clean_environ, tmp_path):
    port, log = free_port(), tmp_path / "gunicorn.log"
    command = [Path(sys.executable).with_name("gunicorn"), "-w", "1", "--access-logfile", "-"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--log-level", "debug", "webhooks.app:create_app()"],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env={
                **clean_environ,
                "PYTHONPATH": str(ROOT),
                "RELAY_DATABASE_URL": sqlite_url,
                "RELAY_PORT": str(port),
                "RELAY_APP_JWK": JWKS,
                "RELAY_APP_IDENTIFIER": APP,
                "RELAY_LOG_LEVEL": "DEBUG",
            },
        )
        try:
            wait_for_a_worker(process, log)
            statuses = [exchange(port, request)[9:12] for request in REQUESTS]
        finally:
            process.terminate()
            process.wait(30)
    text = log.read_text()

    assert statuses[:4] == [b"200", b"200", b"401", b"401"]
    assert all(status.startswith(b"4") or not status for status in statuses[4:])
    assert '"GET /install" 200' in text
    assert "event=webhook.refused status=401" in text
    assert SECRET not in text


def wait_for_a_worker(process: "subprocess.Popen[bytes]", log: Path) -> None:
    """The socket is open before a worker reads from it; its first line tells."""
    for _ in range(300):
        if "Booting worker" in log.read_text():
            return
        assert process.poll() is None, log.read_text()
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(log.read_text())


def test_not_that_of_the_embedded_service(sqlite_url, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    engine = build_engine(sqlite_url)
    app = web.create_app(settings_for(sqlite_url), engine)
    monkeypatch.setattr("webhooks.app.create_app", lambda: app)
    port = free_port()
    server = embedded._Web("127.0.0.1", port)
    server.start()
    try:
        statuses = [exchange(port, request)[9:12] for request in REQUESTS]
    finally:
        server.stop()
        engine.dispose()

    assert statuses[:4] == [b"200", b"200", b"401", b"401"]
    assert "event=webhook.refused status=401" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("path", ["/install", "/uninstall", "/api/install", "/vario/api/uninstall"])
def test_a_servers_own_logger_is_masked_and_keeps_its_form(path, capsys):
    logger = logging.Logger("a server's")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    logger.addHandler(handler)

    mask_handlers(logger)
    logger.error("Error handling request GET %s?%s&language=de", path, QUERY)

    assert capsys.readouterr().err == f"[ERROR] Error handling request GET {path}?***\n"
