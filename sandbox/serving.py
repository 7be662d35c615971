"""Serve a sandbox's Flask app on the loopback address: as a program of its own, or in a thread.

`serve` is what the command line uses: it prints one JSON line when the port is open and blocks
until SIGTERM or SIGINT. `running` is what tests use. Both take the app from a function of the base
URL, because credentials and tokens name the address, which is known only after the port is bound.
"""

from __future__ import annotations

import json
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server
from waitress.task import ThreadedTaskDispatcher

HOST = "127.0.0.1"
THREADS = 32  # at most: held requests (slow, time-out faults) occupy a thread each

AppFactory = Callable[[str], Flask]


class GrowingDispatcher(ThreadedTaskDispatcher):
    """Starts another thread when all are busy.

    To start and end them all takes longer than most of the thousand tests that serve a sandbox.
    """

    def __init__(self) -> None:
        super().__init__()
        self._growing = threading.Lock()

    def add_task(self, task: Any) -> None:
        with self._growing:
            with self.lock:
                busy = self.stop_count + self.active_count + len(self.queue)
            if busy >= len(self.threads):
                self.set_thread_count(min(busy + 1, THREADS))
            super().add_task(task)


def bind(port: int = 0) -> socket.socket:
    """A socket bound to `port` on the loopback address; 0 takes a free one. Raises OSError."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """The base URL of a bound socket, without a trailing slash."""
    return f"http://{HOST}:{bound.getsockname()[1]}"


def serve(app_factory: AppFactory, *, port: int = 0) -> None:
    """Serve until SIGTERM or SIGINT; must run in the main thread.

    The app's `config["CREDENTIALS"]` goes into the ready line, which is the only thing on stdout.
    """
    bound = bind(port)
    app = app_factory(url_of(bound))
    server = _server(app, bound, {})
    ready = {"ready": True, "url": url_of(bound), "credentials": app.config["CREDENTIALS"]}

    def stop(_signum: int, _frame: Any) -> None:
        raise SystemExit(0)

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)
    print(json.dumps(ready), flush=True)
    try:
        server.run()
    finally:
        _close(app, server)


@contextmanager
def running(app: Flask | AppFactory, *, port: int = 0) -> Iterator[str]:
    """Serve `app` (or what the factory makes of the base URL) in a thread; yields the base URL."""
    bound = bind(port)
    served = app if isinstance(app, Flask) else app(url_of(bound))
    sockets: dict = {}
    server = _server(served, bound, sockets)
    stopping = threading.Event()
    thread = threading.Thread(target=_loop, args=(sockets, stopping), daemon=True)
    thread.start()
    try:
        yield url_of(bound)
    finally:
        stopping.set()
        server.pull_trigger()
        thread.join(5)
        _close(served, server)


def _server(app: Flask, bound: socket.socket, sockets: dict) -> Any:
    # One warning per answer that was cut on purpose would drown everything else.
    logging.getLogger("waitress").setLevel(logging.ERROR)
    return create_server(
        app,
        map=sockets,
        sockets=[bound],
        _dispatcher=GrowingDispatcher(),
        # Lets a held request notice that its client has hung up (`hold` in faults.py).
        channel_request_lookahead=1,
        # A client that keeps its connection for minutes is normal; waitress's default is 120 s.
        channel_timeout=300,
        connection_limit=1000,
        clear_untrusted_proxy_headers=True,
        ident=None,
    )


def _loop(sockets: dict, stopping: threading.Event) -> None:
    # `server.run` has no way to be stopped from another thread, so the rounds are ours.
    while not stopping.is_set():
        wasyncore.loop(timeout=1.0, map=sockets, use_poll=True, count=1)


def _close(app: Flask, server: Any) -> None:
    """Stop the app's own threads (its `config["CLOSE"]`, if any), then the server."""
    close = app.config.get("CLOSE")
    if close is not None:
        close()
    server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
    for channel in list(server.active_channels.values()):
        channel.close()
    server.close()
