"""Beat ends when it is told to, whatever it is doing."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from cli.server_processes import until
from integration.vault import new_key
from tests.acceptance import template
from tests.acceptance.template import ROOT, Order, Process

pytestmark = pytest.mark.rabbitmq
PATIENCE_S = 30
#: Far less than any process manager waits.
ENDED_WITHIN_S = 5


class Wire:
    """The way to the broker, which can go dead: it takes all and brings nothing back."""

    def __init__(self, broker: tuple[str, int]) -> None:
        self._broker = broker
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_dead, self.took_after_death = threading.Event(), threading.Event()
        self.carried = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            broker = socket.create_connection(self._broker)
            with broker:
                while True:
                    for one in select.select([client, broker], [], [])[0]:
                        if not (data := one.recv(65_536)):
                            return
                        self._pass_on(data, client if one is broker else broker, one is client)

    def _pass_on(self, data: bytes, to: socket.socket, is_from_client: bool) -> None:
        if not self.is_dead.is_set():
            to.sendall(data)
            self.carried += len(data)
        elif is_from_client:
            self.took_after_death.set()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def wire(broker_url: str) -> Iterator[Wire]:
    url = make_url(broker_url)
    made = Wire((str(url.host), int(url.port or 0)))
    yield made
    made.close()


@pytest.fixture
def start_beat(
    wire: Wire, broker_url: str, sqlite_url: str, tmp_path: Path
) -> Iterator[Callable[[float], Process]]:
    """Start beat at the end of the wire; how many seconds there are between its messages."""
    started: list[Process] = []

    def start(every_s: float) -> Process:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "RELAY_DATABASE_URL": sqlite_url,
            "RELAY_BROKER_URL": broker_url.replace(
                f":{make_url(broker_url).port}", f":{wire.port}"
            ),
            "RELAY_SECRET_KEY": new_key(),
            "RELAY_SWEEP_S": str(every_s),
        }
        arguments = ("-A", "tasks.app", "beat")
        started.append(
            template.start(
                Order("celery", arguments, str(tmp_path), environ, str(tmp_path / "beat.log"))
            )
        )
        return started[-1]

    yield start
    for one in started:
        one.kill()


def wait_for_a_pause(wire: Wire) -> None:
    """Until beat has reached the broker, and sends nothing for a moment."""
    assert until(lambda: wire.carried > 0, PATIENCE_S)
    assert until(lambda: is_quiet(wire), PATIENCE_S)


def is_quiet(wire: Wire) -> bool:
    so_far = wire.carried
    return not until(lambda: wire.carried > so_far, 0.5)


def test_in_the_middle_of_a_message_it_ends_at_once(start_beat, wire):
    beat = start_beat(1)
    wait_for_a_pause(wire)
    wire.is_dead.set()
    assert wire.took_after_death.wait(PATIENCE_S)  # and it waits for the broker's word

    beat.terminate()

    beat.wait(ENDED_WITHIN_S)
    assert beat.poll() is not None


def test_between_two_messages_it_takes_leave_of_the_broker(start_beat, wire):
    beat = start_beat(2)
    wait_for_a_pause(wire)
    so_far = wire.carried

    beat.terminate()

    beat.wait(ENDED_WITHIN_S)
    assert wire.carried > so_far
