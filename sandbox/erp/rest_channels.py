"""REST access to sales channels and their backends."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from sandbox.erp import channels, dto
from sandbox.erp.errors import ApiError, invalid, not_found
from sandbox.erp.tenants import Backend, Channel
from sandbox.erp.world import World, current_tenant, sent_object

CHANNEL_TYPES = {"STORE", "POS", "ECOMMERCE", "MARKETPLACE"}
WRITTEN = ("description", "externalRef", "custom", "businessRelationType", "roundingMode")


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("channels", __name__, url_prefix="/api/vario/erp/sales-channels")
    _backends(routes)
    _channels(routes, world)
    return routes


def _backends(routes: Blueprint) -> None:
    @routes.post("/backend")
    def create_backend() -> Any:
        tenant, body = current_tenant(), sent_object()
        if not body.get("appId") or not body.get("label"):
            raise invalid("appId and label are required.")
        kinds = body.get("validChannelTypes", ["ECOMMERCE"])
        if not isinstance(kinds, list) or not set(map(str, kinds)) <= CHANNEL_TYPES:
            raise invalid(f"validChannelTypes is a list of {', '.join(sorted(CHANNEL_TYPES))}.")
        entry = Backend(tenant.next_id(), str(body["label"]), str(body["appId"]),
                        str(body.get("type", "APP")), bool(body.get("active", True)),
                        tuple(map(str, kinds)))
        tenant.backends = {**tenant.backends, entry.id: entry}
        return dto.backend(entry)

    @routes.get("/backend/<int:backend_id>")
    def read_backend(backend_id: int) -> Any:
        return dto.backend(_backend(backend_id))

    @routes.put("/backend/<int:backend_id>")
    def write_backend(backend_id: int) -> Any:
        entry, body = _backend(backend_id), sent_object()
        entry.label = str(body.get("label", entry.label))
        return dto.backend(entry)

    @routes.put("/backend/<int:backend_id>/<any(activate, deactivate):verb>")
    def switch_backend(backend_id: int, verb: str) -> Any:
        entry = _backend(backend_id)
        entry.active = verb == "activate"
        return dto.backend(entry)

    @routes.delete("/backend/<int:backend_id>")
    def delete_backend(backend_id: int) -> Response:
        _backend(backend_id)
        if any(channel.backend == backend_id for channel in current_tenant().channels.values()):
            raise ApiError(409, "A sales channel uses this backend.", "CONFLICT")
        tenant = current_tenant()
        tenant.backends = {key: one for key, one in tenant.backends.items() if key != backend_id}
        return Response(status=200)


def _channels(routes: Blueprint, world: World) -> None:
    @routes.post("")
    def create_channel() -> Any:
        if not world.options.channel_license:
            raise ApiError(402, "The license for another sales channel is missing.", "LICENSE")
        tenant, body = current_tenant(), sent_object()
        behind = str((body.get("channelBackend") or {}).get("id", ""))
        if not body.get("label") or not behind.isdigit() or int(behind) not in tenant.backends:
            raise invalid("label and an existing channelBackend are required.")
        kind = str(body.get("channelType", "ECOMMERCE"))
        if kind not in tenant.backends[int(behind)].channel_types:
            raise invalid(f"The backend takes no channel of the type {kind}.")
        source = _price_source(body)
        entry = channels.create(tenant, str(body["label"]), kind, int(behind),
                                bool(body.get("active", True)), _written(body))
        channels.take_prices(tenant, entry.id, source)
        return _announced(world, entry, "create")

    @routes.get("/<int:channel_id>")
    def read_channel(channel_id: int) -> Any:
        return dto.channel(_channel(channel_id), current_tenant())

    @routes.put("/<int:channel_id>")
    def write_channel(channel_id: int) -> Any:
        entry, body = _channel(channel_id), sent_object()
        if "priceFromSalesChannel" in body:
            channels.take_prices(current_tenant(), entry.id, _price_source(body))
        entry.label = str(body.get("label", entry.label))
        entry.active = bool(body.get("active", entry.active))
        entry.fields = {**entry.fields, **_written(body)}
        return _announced(world, entry, "update")

    @routes.put("/<int:channel_id>/<any(activate, deactivate):verb>")
    def switch_channel(channel_id: int, verb: str) -> Any:
        entry = _channel(channel_id)
        entry.active = verb == "activate"
        return _announced(world, entry, "update")

    @routes.delete("/<int:channel_id>")
    def delete_channel(channel_id: int) -> Response:
        entry = _channel(channel_id)
        channels.delete(current_tenant(), channel_id)
        _announced(world, entry, "delete")
        return Response(status=200)


    @routes.get("/<int:channel_id>/storage")
    def storages(channel_id: int) -> Any:
        shown = dto.channel(_channel(channel_id), current_tenant())
        return jsonify(shown["salesChannelStorages"])


def _backend(backend_id: int) -> Backend:
    entry = current_tenant().backends.get(backend_id)
    if entry is None:
        raise not_found(f"The sales channel backend {backend_id}")
    return entry


def _channel(channel_id: int) -> Channel:
    entry = current_tenant().channels.get(channel_id)
    if entry is None:
        raise not_found(f"The sales channel {channel_id}")
    return entry


def _price_source(body: dict[str, Any]) -> int | None:
    """The sales channel whose prices count, if one is named."""
    reference = body.get("priceFromSalesChannel")
    if reference is None:
        return None
    found = str(reference.get("id")) if isinstance(reference, dict) else ""
    if not found.isdigit() or int(found) not in current_tenant().channels:
        raise invalid("priceFromSalesChannel names no sales channel.")
    return int(found)


def _written(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in WRITTEN if name in body}


def _announced(world: World, entry: Channel, change: str) -> dict[str, Any]:
    world.courier.announce(current_tenant(), f"sales_channel.{change}", {"id": entry.id},
                           spared=world.spared())
    return dto.channel(entry, current_tenant())
