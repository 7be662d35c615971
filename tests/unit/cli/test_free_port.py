"""Ports for private servers."""

import random

from cli.server_processes import free_port


def test_no_port_is_given_out_twice_before_its_server_listens(monkeypatch):
    """RabbitMQ did not start once: something else listened on its port for other nodes."""
    first, second = free_port(), free_port()
    drawn = iter([first, second, *range(20_000, 32_001)])
    monkeypatch.setattr(random, "randint", lambda _low, _high: next(drawn))

    assert free_port() not in (first, second)
