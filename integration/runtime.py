"""What a process needs to work: engine, vault, sessions, ERP clients and connectors, built once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from integration import channels, db, facts, pacing, schema, settings, tokens
from integration.channel_view import ChannelView
from integration.connectors import http, registry
from integration.connectors.base import Connector, Context, FactStore
from integration.connectors.http import Session as HttpSession
from integration.erp import auth
from integration.erp.client import ErpClient
from integration.erp.files import Files
from integration.errors import TenantError, UsageError
from integration.models import AccessToken, Tenant
from integration.patience import Patience
from integration.price_forms import ChannelPriceForms
from integration.settings import Settings
from integration.shop_rate import ShopGate
from integration.token_bucket import Rate, Share
from integration.topology import Topic
from integration.vault import Vault

#: Share of the soft limit after which no further file is opened: what is there is shown, the rest
#: comes in the next batch.
FILES_SHARE = 0.5
#: Share of the soft limit that a push may fill with requests; the last one may take the rest.
PUSH_SHARE = 2 / 3


def _nothing_to_check() -> None:
    """For connectors that only read."""


class Runtime:
    """The composition of settings and engine; cheap to build, connects only when used.

    `read_timeout_s`: how long an answer may take, shorter than usual where somebody waits.
    """

    def __init__(
        self, config: Settings, engine: Engine, *, read_timeout_s: float | None = None
    ) -> None:
        self.settings, self.engine = config, engine
        self._read_timeout_s = read_timeout_s

    def scope(self) -> AbstractContextManager[Session]:
        """A transaction; commits at the end of the block."""
        return db.session_scope(self.engine)

    @cached_property
    def vault(self) -> Vault:
        return Vault(self.settings.secret_keys)

    @cached_property
    def http(self) -> HttpSession:
        shared = http.session()
        if self._read_timeout_s is not None:
            shared = http.impatient(shared, self._read_timeout_s)
        return shared

    def require_ready(self) -> None:
        """Raises UsageError, saying what to do, on a wrong schema, a missing or a wrong key."""
        schema.require_current(self.engine)
        # Before the loop: an installation without any secret yet needs its key all the same.
        vault = self.vault
        with self.scope() as session:
            for sealed in channels.sealed_secrets(session):
                vault.open(sealed)

    def channel(self, channel_id: int) -> ChannelView:
        with self.scope() as session:
            stored = channels.load(session, channel_id)
        return stored.opened(self.vault, self.settings.zone)

    def erp(
        self,
        tenant_id: int,
        *,
        share: Share = Share.LIVE,
        gives_up_after_s: float = math.inf,
        at_most: float = 1.0,
    ) -> ErpClient:
        """A client of the tenant's ERP. Raises TenantError when the app is not installed.

        `at_most`: the part of the tenant's budget that it uses, counted over a minute.
        """
        name = pacing.erp_bucket_name(tenant_id)
        with self.scope() as session:
            tenant = session.execute(
                select(Tenant.subdomain, Tenant.offline_token, *tokens.COLUMNS)
                .outerjoin(AccessToken, AccessToken.name == name)
                .where(Tenant.id == tenant_id)
            ).one()
        if tenant.offline_token is None:
            raise TenantError(f"tenant {tenant.subdomain} has no offline token; install the app")
        try:
            offline_token = self.vault.open(tenant.offline_token)
        except UsageError as error:
            raise TenantError(f"tenant {tenant.subdomain}: {error}") from error
        access = auth.tenant_access(tenant.subdomain, offline_token, self.settings)
        bucket = pacing.Bucket(
            self.scope,
            name,
            Rate(*self.settings.erp_budget),
            share=share,
            gives_up_after_s=gives_up_after_s,
        )
        store = self._tokens(name, tokens.HANGING_REST_S)
        store.read(tenant)
        return ErpClient(
            replace(access, connection=tenant.offline_token),
            http.counted(self.http, "erp", tenant_id=tenant_id),
            store,
            bucket if at_most >= 1.0 else pacing.Part(bucket, self._erp_part(tenant_id, at_most)),
        )

    def _erp_part(self, tenant_id: int, at_most: float) -> pacing.Bucket:
        """By the minute: a catalogue of some pages need not be read in the rhythm of a huge one."""
        in_a_minute = Rate(*self.settings.erp_budget).per_second * 60 * at_most
        return pacing.Bucket(self.scope, pacing.erp_part_name(tenant_id), Rate(in_a_minute, 60.0))

    def _tokens(self, name: str, hanging_rest_s: float = 0.0) -> tokens.DbTokenStore:
        # A stage that outlives the lease is dead, and so is the renewal it was at.
        lease_s = min(tokens.RENEW_LEASE_S, self.settings.lease_s)
        return tokens.DbTokenStore(
            self.scope, self.vault, name, renew_lease_s=lease_s, hanging_rest_s=hanging_rest_s
        )

    def erp_facts(self, tenant_id: int, known: Mapping[str, Any] | None = None) -> FactStore:
        """What is remembered of the tenant's ERP; `known`: what was just read of it."""
        return facts.tenant_facts(self.scope, tenant_id, known)

    def connector(
        self,
        channel: ChannelView,
        before_write: Callable[[], float | None] = _nothing_to_check,
        *,
        share: Share = Share.LIVE,
        patience: Patience | None = None,
        before_request: Callable[[], None] = _nothing_to_check,
        topics: Iterable[Topic] = Topic,
    ) -> Connector:
        """The connector of a channel; `before_write` is asked right before each write.

        Its requests are paced by the shop's bucket, as `share`; with `patience` they wait for it.
        `before_request` hears of each before that. `topics`: as `Context.topics`.
        """
        gate = ShopGate(self.scope, channel.id, share, patience, before_request)
        files = Files(
            lambda: self.erp(
                channel.tenant_id,
                share=share,
                gives_up_after_s=self.settings.stage_soft_s * FILES_SHARE,
            )
        )
        return registry.platform(channel.platform).build(
            Context(
                namespace=channel.label,
                parameters=channel.parameters,
                session=http.gated(http.counted(self.http, "shop", channel_id=channel.id), gate),
                tokens=self._tokens(pacing.shop_bucket_name(channel.id)),
                facts=facts.channel_facts(self.scope, channel.id),
                before_write=gate.guard(before_write),
                open_file=files.open,
                push_s=self.settings.stage_soft_s * PUSH_SHARE,
                topics=frozenset(topics),
                price_forms=ChannelPriceForms(self.scope, channel.id),
            )
        )


@lru_cache(maxsize=1)
def current() -> Runtime:
    """The runtime of this process, from its settings."""
    return Runtime(settings.current(), db.engine())
