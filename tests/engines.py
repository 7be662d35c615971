"""Engines that tests of one process share, one after the other.

SQLAlchemy keeps with an engine every statement it has compiled, which takes most tests longer than
to run them. Whoever takes one disposes of its connections at the end, as of any other.
"""

from functools import cache

from sqlalchemy import Engine

from integration.db import IDLE_S, build_engine


@cache
def engine_at(url: str, idle_s: float = IDLE_S) -> Engine:
    return build_engine(url, idle_s=idle_s)
