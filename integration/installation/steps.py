"""What a tenant's ERP needs for us, step by step: looked at by `doctor`, put right by an install.

Each step may be repeated: it looks first and writes only what is missing. What must happen once
per tenant, however often the app is installed, is put on record in the ERP itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import select

from integration import db, observe, registrations
from integration.erp import app_records, catalogue, listings, webhooks
from integration.erp.app_records import Backend
from integration.erp.client import ErpClient
from integration.erp.webhooks import Registration
from integration.errors import Busy, IntegrationError, LicenseMissing
from integration.installation import tenants
from integration.installation.report import Line, Words
from integration.models import SalesChannel, Tenant
from integration.runtime import Runtime
from integration.toggles import ARTICLE_TOPICS
from integration.topology import SHORT_NAME_BY_TOPIC
from integration.write_back import merging
from integration.write_back.merging import Merge

log = logging.getLogger(__name__)

#: Identifiers of migrations, e.g. ``vario-relay.external-id`` (vario-erp.md 9).
MIGRATOR = "vario-relay"
EXTERNAL_ID, BACKEND, CHANNELS = "external-id", "backend", "channels"
FOREIGN_FIELDS, WEBHOOKS = "foreign-fields", "webhooks"
EVENTS, COLUMNS = "events", "columns"


@dataclass
class Visit:
    """One look at a tenant's ERP. `mends`: what is missing is put right."""

    runtime: Runtime
    tenant_id: int
    client: ErpClient
    words: Words = field(default_factory=Words)
    mends: bool = False
    #: Set when the custom field for the product id was created.
    has_new_field: bool = False

    @cached_property
    def done(self) -> dict[str, Any]:
        """Note by step of the migrations on record."""
        known = app_records.migrations(self.client)
        prefix = f"{MIGRATOR}."
        return {
            name.removeprefix(prefix): note
            for name, note in known.items()
            if name.startswith(prefix)
        }

    @cached_property
    def backend(self) -> Backend | None:
        return app_records.find_backend(self.client)

    @cached_property
    def channels(self) -> list[listings.ErpChannel]:
        """The app's sales channels in the ERP."""
        return listings.sales_channels(self.client)

    @cached_property
    def offered(self) -> set[str]:
        """The events that this ERP offers."""
        return app_records.offered_events(self.client)

    def record(self, step: str, note: Any, line: Line) -> Line:
        """Put on record that a step was done, once; the line says if that failed."""
        try:
            if step not in self.done:
                app_records.record_migration(self.client, f"{MIGRATOR}.{step}", note)
        except IntegrationError as error:
            detail = self.words("record_failed", detail=line.detail, error=error)
            return replace(line, ok=False, detail=detail, do=self.words("do_again"))
        return line


def external_id(visit: Visit) -> Iterator[Line]:
    """The custom field that shows people in the ERP which product of the shop an article is."""
    words = visit.words
    group = app_records.external_id_group(visit.client)
    if group is not None:
        line = Line(EXTERNAL_ID, True, words("group_there"))
        note = {"entity": next(iter(group.get("entities") or ()), None)}
        yield visit.record(EXTERNAL_ID, note, line) if visit.mends else line
    elif not visit.mends:
        # No fault: the shop is served all the same.
        yield Line(EXTERNAL_ID, True, words("group_missing"), words("do_reinstall"))
    else:
        entity = app_records.create_external_id_group(visit.client, _entities(visit))
        visit.has_new_field = True
        line = Line(EXTERNAL_ID, True, words("group_created", entity=entity))
        yield visit.record(EXTERNAL_ID, {"entity": entity}, line)


def _entities(visit: Visit) -> list[str]:
    """Names to try for a listing; the one that this ERP took before goes first."""
    note = visit.done.get(EXTERNAL_ID)
    remembered = note.get("entity") if isinstance(note, dict) else None
    known = app_records.LISTING_ENTITIES
    return sorted(known, key=lambda one: (one != remembered, known.index(one)))


def backend(visit: Visit) -> Iterator[Line]:
    """The integration in the ERP that sales channels hang on; found, else created, and active."""
    words, found = visit.words, visit.backend
    if found is not None and found.is_active:
        yield Line(BACKEND, True, words("backend_there", id=found.id))
    elif not visit.mends:
        key = "backend_missing" if found is None else "backend_inactive"
        detail = words(key, id="" if found is None else found.id)
        yield Line(BACKEND, False, detail, words("do_reinstall"))
    elif found is None:
        visit.backend = app_records.create_backend(visit.client)
        yield Line(BACKEND, True, words("backend_created", id=visit.backend.id))
    else:
        app_records.activate_backend(visit.client, found)
        yield Line(BACKEND, True, words("backend_activated", id=found.id))


def channels(visit: Visit) -> Iterator[Line]:
    """The sales channels of the app. Only the first one is created, and only once: whoever deletes
    it in the ERP does not want it back with the next version."""
    words = visit.words
    if visit.channels:
        names = ", ".join(f"{one.id} ({one.label})" for one in visit.channels)
        line = Line(CHANNELS, True, words("channels_there", names=names), _next(visit))
        note = {"channels": [one.id for one in visit.channels]}
        yield visit.record(CHANNELS, note, line) if visit.mends else line
    elif not visit.mends or CHANNELS in visit.done:
        yield Line(CHANNELS, True, words("channels_none"), words("do_add_channel"))
    elif visit.backend is None:
        yield Line(CHANNELS, False, words("channels_none"), words("do_again"))
    else:
        yield _first_channel(visit, visit.backend)


def _first_channel(visit: Visit, behind: Backend) -> Line:
    words = visit.words
    try:
        created = app_records.create_channel(visit.client, behind)
    except LicenseMissing:
        # Not on record: with the license, the next install creates it.
        return Line(CHANNELS, True, words("channel_unlicensed"), words("do_license"))
    visit.channels = [listings.ErpChannel(created, app_records.CHANNEL_LABEL)]
    detail = words("channel_created", id=created)
    return visit.record(
        CHANNELS, {"channels": [created]}, Line(CHANNELS, True, detail, _next(visit))
    )


def _next(visit: Visit) -> str:
    """What the service still needs for one of the app's channels; empty for nothing."""
    with visit.runtime.scope() as session:
        tenant = session.get_one(Tenant, visit.tenant_id).subdomain
        here = session.scalars(
            select(SalesChannel).where(
                SalesChannel.tenant_id == visit.tenant_id, SalesChannel.deleted_at.is_(None)
            )
        ).all()
        without = [one for one in here if one.held_reason == tenants.SECRETS_GONE]
        known = {one.erp_id for one in here}
    missing = [one.id for one in visit.channels if one.id not in known]
    if without:
        return visit.words("do_channel_secrets", id=without[0].erp_id)
    return visit.words("do_connect_channel", id=missing[0], tenant=tenant) if missing else ""


def foreign_fields(visit: Visit) -> Iterator[Line]:
    """See once how the ERP merges a write to a listing, so that the custom fields of others survive
    it. Where there are none yet, nothing is on record, and the next install looks again."""
    if not visit.mends or not visit.channels:
        return
    words, note = visit.words, visit.done.get(FOREIGN_FIELDS)
    seen = note.get("merge") if isinstance(note, dict) else None
    if seen in (Merge.DEEP, Merge.SHALLOW):
        yield Line(FOREIGN_FIELDS, True, words(f"merge_{seen}"))
        return
    facts = visit.runtime.erp_facts(visit.tenant_id)
    merge = merging.verify(visit.client, facts, visit.channels[0].id)
    line = Line(FOREIGN_FIELDS, True, words(f"merge_{merge}"))
    is_known = merge is not Merge.UNKNOWN
    yield visit.record(FOREIGN_FIELDS, {"merge": merge.value}, line) if is_known else line


def webhooks_registered(visit: Visit) -> Iterator[Line]:
    """Every event that we need comes to us, for the tenant and for each connected channel."""
    words, public_url = visit.words, visit.runtime.settings.public_url
    if not public_url:
        yield Line(WEBHOOKS, False, words("webhooks_no_url"), words("do_public_url"))
        return
    wanted = registrations.desired(visit.runtime, visit.tenant_id)
    app = visit.runtime.settings.app_identifier
    if visit.mends:
        changes = webhooks.reconcile(visit.client, app, public_url, wanted)
        added, removed = len(changes.registered), len(changes.deregistered)
        count = len(wanted) - len(changes.not_offered)
        key = "webhooks_changed" if added or removed else "webhooks_all"
        yield Line(WEBHOOKS, True, words(key, count=count, added=added, removed=removed))
    else:
        wanted = _registrable(visit, wanted)
        missing = wanted - webhooks.registered(visit.client, app)
        key = "webhooks_missing" if missing else "webhooks_all"
        detail = words(key, count=len(wanted), missing=len(missing))
        is_well = not missing or not registrations.has_running_channel(
            visit.runtime, visit.tenant_id
        )
        yield Line(WEBHOOKS, is_well, detail, words("do_register") if missing else "")


def _registrable(visit: Visit, wanted: set[Registration]) -> set[Registration]:
    """Without those that the ERP would refuse, because it does not offer them: `events` says so."""
    try:
        return {one for one in wanted if one.queue in visit.offered}
    except IntegrationError:
        return wanted


def events(visit: Visit) -> Iterator[Line]:
    """Whether the ERP offers what we register for; each version and license offers its own."""
    words = visit.words
    erp_ids = [one.id for one in visit.channels]
    url = visit.runtime.settings.public_url
    wanted = {one.queue for one in webhooks.desired(erp_ids, url)}
    missing = sorted(wanted - visit.offered)
    if missing:
        detail = words("events_missing", names=", ".join(missing))
        # A warning: what they would tell is found by night.
        yield Line(EVENTS, True, detail, words("do_events"))
    else:
        yield Line(EVENTS, True, words("events_all", count=len(wanted)))


def columns(visit: Visit) -> Iterator[Line]:
    """How the content of each topic is read: by query, or article by article."""
    facts = visit.runtime.erp_facts(visit.tenant_id)
    offered = catalogue.rediscover(visit.client, facts)
    parts = []
    for topic in ARTICLE_TOPICS:
        reads = catalogue.plan(topic, offered).reads
        key = "columns_reads" if reads else "columns_all"
        name = SHORT_NAME_BY_TOPIC[topic]
        parts.append(visit.words(key, topic=name, reads=", ".join(sorted(reads))))
    yield Line(COLUMNS, True, "; ".join(parts))


Step = Callable[[Visit], Iterator[Line]]

#: In the order of an install: each may need the one before.
STEPS: dict[str, Step] = {
    EXTERNAL_ID: external_id,
    BACKEND: backend,
    CHANNELS: channels,
    FOREIGN_FIELDS: foreign_fields,
    WEBHOOKS: webhooks_registered,
    EVENTS: events,
    COLUMNS: columns,
}


def run(visit: Visit, names: Iterable[str] = STEPS) -> Iterator[Line]:
    """The lines of these steps. What goes wrong in one is a line, and the others go on."""
    for name in names:
        try:
            yield from STEPS[name](visit)
        except db.TROUBLE:
            raise
        except Busy as error:
            detail = visit.words("unfinished", error=error.message)
            yield Line(name, False, detail, visit.words("do_once_more"))
        except IntegrationError as error:
            yield Line(name, False, str(error), visit.words("do_again"))
        except Exception as error:  # noqa: BLE001 - logged; a fault of ours in one stops no other
            yield _crashed(visit, name, error)


def _crashed(visit: Visit, name: str, error: Exception) -> Line:
    log.error(observe.event("install.step_crashed", step=name), exc_info=error)
    detail = visit.words("crashed", error=type(error).__name__)
    return Line(name, False, detail, visit.words("do_once_more"))
