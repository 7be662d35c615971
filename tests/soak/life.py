"""What a tenant goes through while its articles are edited: away, back, more and fewer shops."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import requests

from integration import registrations
from integration.errors import IntegrationError
from integration.models import SalesChannel
from tests.acceptance.service import wait_until
from tests.chaos.world import World
from tests.soak import reinstalling

#: Seconds between two events, and how long the tenant is away.
GAP_S = (1.0, 3.0)
AWAY_S = (0.5, 3.0)
#: As many more channels at the same time: each hears of every change.
MOST_CHANNELS = 2
LISTED = 5
ANSWER_S = 30.0

_pause = threading.Event().wait


class Life:
    """Random events of one tenant, in a thread of its own until told to stop."""

    def __init__(self, world: World, seed: int, say: Callable[[str], None]) -> None:
        self._world, self._rng, self._say = world, random.Random(f"{seed} life"), say
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="life", daemon=True)
        self.error: Exception | None = None
        self.events: Counter[str] = Counter()
        self._channels: list[str] = []  # of ours, by the ERP's id
        self._articles = world.articles_for_sale()
        self._kinds = (
            self._away,
            self._away,
            self._channel_made,
            self._channel_deleted,
            self._channel_switched,
            self._prices_by_rule,
            self._shipped,
            self._token_revoked,
            self._reinstalled,
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The tenant is back and has its first shop alone. Raises what ended the events, if any."""
        self._stopping.set()
        self._thread.join()
        self._world.erp("online")
        self._world.erp("channel", channel=42, active=True)
        while self._channels:
            self._channel_deleted()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        # Each kind at least once, however short the run.
        waiting = list(self._kinds)
        self._rng.shuffle(waiting)
        try:
            while not self._stopping.wait(self._rng.uniform(*GAP_S)):
                kind = waiting.pop() if waiting else self._rng.choice(self._kinds)
                kind()
        except (AssertionError, requests.RequestException) as error:
            self.error = error

    def _note(self, kind: str) -> None:
        self.events[kind] += 1
        self._say(f"soak: {kind}")

    def _away(self) -> None:
        """Nobody hears of what changes meanwhile: only a look at everything finds it."""
        self._world.erp("offline")
        self._note("offline")
        article = self._rng.choice(self._articles)
        self._world.edit_silently(article, stock=self._rng.randint(10_000, 99_999))
        _pause(self._rng.uniform(*AWAY_S))
        self._world.erp("online")
        self._note("online")

    def _channel_made(self) -> None:
        if len(self._channels) == MOST_CHANNELS:
            return self._channel_deleted()
        made = self._world.erp("channel", label="Noch ein Shop", articles=LISTED)
        self._channels.append(str(made["id"]))
        with self._world.runtime.scope() as session:
            session.add(
                SalesChannel(
                    tenant_id=self._world.tenant_id,
                    erp_id=str(made["id"]),
                    platform="memory",
                    is_paused=False,
                )
            )
        self._register()
        return self._note("channel made")

    def _channel_deleted(self) -> None:
        if not self._channels:
            return self._channel_made()
        self._world.erp("channel", channel=self._channels.pop(0), delete=True)
        return self._note("channel deleted")

    def _channel_switched(self) -> None:
        for is_active in (False, True):
            self._world.erp("channel", channel=42, active=is_active)
            _pause(self._rng.uniform(*AWAY_S))
        self._note("channel off and on")

    def _prices_by_rule(self) -> None:
        self._world.erp("price-rule", percent=self._rng.choice((90, 110)))
        self._note("price rule")

    def _shipped(self) -> None:
        self._world.erp("ship", combined=self._rng.random() < 0.5, parcels=2)
        self._note("delivery")

    def _token_revoked(self) -> None:
        # One at a time: a fresh token that is refused as well is no accident.
        if not self._world.hits_left("erp", "token-revoked"):
            self._world.fault("erp", "token-revoked", count=1)
            self._note("token revoked")

    def _reinstalled(self) -> None:
        """What is edited while the app is not there is told to nobody."""
        reinstalling.uninstall(self._world, self._rng)
        self._note("uninstalled")
        article = self._rng.choice(self._articles)
        self._world.edit(article, stock=self._rng.randint(10_000, 99_999))
        _pause(self._rng.uniform(*AWAY_S))
        reinstalling.install(self._world)
        self._world.wait_until_right(article)
        self._note(reinstalling.INSTALLED_AGAIN)

    def _register(self) -> None:
        """The webhooks of a new channel; the ERP fails now and then here too."""

        def is_done() -> bool:
            with suppress(IntegrationError):
                registrations.reconcile(self._world.runtime, self._world.tenant_id)
                return True
            return False

        wait_until(is_done, "the new channel's webhooks are registered", ANSWER_S)
