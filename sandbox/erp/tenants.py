"""Tenants of the sandbox ERP: each with its own channels, articles and app records."""

from __future__ import annotations

import itertools
import re
import threading
import zlib
from dataclasses import dataclass, field
from typing import Any

from sandbox import catalogue
from sandbox.catalogue import CatalogueArticle
from sandbox.erp.model import (
    DEFAULT_CHANNEL,
    FIRST_ARTICLE_ID,
    SECOND_CHANNEL,
    SHOP_CHANNEL,
    Articles,
    PriceRule,
)
from sandbox.erp.options import Options
from sandbox.erp.shelf import Image, Share, Shelf
from sandbox.erp.trade import Trade

MAIN_TENANT = "acme"
SMALL_CATALOGUE = 20
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # a tenant is a subdomain
BACKEND_ID = 7
FIRST_RECORD_ID = 1001


@dataclass
class Channel:
    id: int
    label: str
    type: str
    backend: int | None = None
    active: bool = True
    fields: dict[str, Any] = field(default_factory=dict)  # whatever else a client has written


@dataclass
class Backend:
    id: int
    label: str
    app_id: str
    type: str = "APP"
    active: bool = True
    channel_types: tuple[str, ...] = ("ECOMMERCE",)


@dataclass(frozen=True)
class Registration:
    """Where one app wants one event. Unique by queue, URL and app."""

    queue: str
    url: str
    app: str


class Tenant:
    """One tenant's data. Writers hold `lock`."""

    def __init__(self, name: str, entries: list[CatalogueArticle], first_id: int, app: str,
                 illustrated: int) -> None:
        self.name = name
        self.id = zlib.crc32(name.encode())
        self.lock = threading.RLock()
        self.offline = False  # every call is answered 503
        self.channels = {
            DEFAULT_CHANNEL: Channel(DEFAULT_CHANNEL, "Ladengeschäft", "STORE"),
            SHOP_CHANNEL: Channel(SHOP_CHANNEL, "Shopware 6", "ECOMMERCE", BACKEND_ID),
            SECOND_CHANNEL: Channel(SECOND_CHANNEL, "Zweiter Shop", "ECOMMERCE", BACKEND_ID),
        }
        self.backends = {BACKEND_ID: Backend(BACKEND_ID, "Vario Relay", app)}
        self.articles = Articles(entries, first_id, self.shop_channels())
        self.registrations: dict[str, list[Registration]] = {}
        self.price_rules: dict[int, PriceRule] = {}
        self.categories: dict[str, str] = {}  # labels by id
        self.trade = Trade(first_id)
        self.shelf = Shelf(first_id, self.articles.between()[:illustrated])
        self.migrations: dict[int, dict[str, Any]] = {}
        self.eav_groups: dict[int, dict[str, Any]] = {}
        self.secrets: dict[int, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {}
        self.log_entries: list[dict[str, Any]] = []
        self._channel_ids = itertools.count(SECOND_CHANNEL + 1)
        self._ids = itertools.count(FIRST_RECORD_ID)

    def next_id(self) -> int:
        """A fresh id for a backend or an app record."""
        return next(self._ids)

    def next_channel_id(self) -> int:
        """Counted apart: the ids of listings leave room for a thousand channels."""
        return next(self._channel_ids)

    def channel_label(self, channel: int) -> str:
        """Empty for a channel that was just deleted."""
        known = self.channels.get(channel)
        return "" if known is None else known.label

    def shop_channels(self) -> list[int]:
        return [channel.id for channel in self.channels.values() if channel.type != "STORE"]

    def custom_fields(self) -> set[str]:
        """Group and attribute, joined by a dot, of all custom fields that exist."""
        return {f"{group['key']}.{attribute['key']}" for group in self.eav_groups.values()
                for attribute in group.get("attributes", ())}

    def register(self, registration: Registration, *, twice: bool = False) -> bool:
        """False if it was there already; unless `twice`, it is then no second delivery."""
        with self.lock:
            known = self.registrations.get(registration.queue, [])
            is_new = registration not in known
            if is_new or twice:
                self.registrations[registration.queue] = [*known, registration]
            return is_new

    def forget_registrations(self, app: str) -> None:
        with self.lock:
            self.registrations = {
                queue: [one for one in known if one.app != app]
                for queue, known in self.registrations.items()}

    def deregister(self, registration: Registration) -> bool:
        """False if there was none."""
        with self.lock:
            known = self.registrations.get(registration.queue, [])
            left = [other for other in known if other != registration]
            self.registrations[registration.queue] = left
            return len(left) < len(known)


class Tenants:
    """Makes tenants on first use. Only the main one has the full catalogue."""

    def __init__(self, options: Options, app: str) -> None:
        self._options, self._app = options, app
        if options.catalogue is None:
            self._entries = catalogue.generate(options.articles, options.seed)
        else:
            self._entries = catalogue.load_csv(options.catalogue)
        self._illustrated = options.illustrated
        self._lock = threading.Lock()
        self._tenants: dict[str, Tenant] = {}
        self.reset()

    def reset(self) -> None:
        with self._lock:
            main = Tenant(MAIN_TENANT, self._entries, FIRST_ARTICLE_ID, self._app,
                          self._illustrated)
            self._tenants = {MAIN_TENANT: main}

    def get(self, name: str) -> Tenant:
        """Raises ValueError if `name` cannot be a subdomain."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no tenant name: lower-case letters, digits and hyphens")
        with self._lock:
            if name not in self._tenants:
                self._tenants[name] = self._small(name)
            return self._tenants[name]

    def shared(self, public_id: str) -> tuple[Image, Share] | None:
        """What any tenant has shared under this public id."""
        with self._lock:
            tenants = list(self._tenants.values())
        return next((found for tenant in tenants
                     if (found := tenant.shelf.shared.get(public_id))), None)

    def _small(self, name: str) -> Tenant:
        mark = zlib.crc32(name.encode())
        entries = catalogue.generate(SMALL_CATALOGUE, mark)
        # Ids of different tenants never meet, so that a mix-up is noticed.
        first_id = 1_000_000 * (2 + mark % 900) + FIRST_ARTICLE_ID
        return Tenant(name, entries, first_id, self._app, self._illustrated)
