"""REST reads of articles, listings and stock, and the writing of listings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.erp import dto, events
from sandbox.erp.errors import ApiError, invalid, not_found
from sandbox.erp.merging import merged
from sandbox.erp.model import LANGUAGE, Article, Listing, of_listing_id
from sandbox.erp.tenants import Tenant
from sandbox.erp.world import World, current_tenant, sent_object

LISTINGS = "/articles/<int:article_id>/listings"
LISTING_STATES = {"DISABLED", "NEED_SYNCHRONIZE", "QUEUED_FOR_SYNCHRONIZE", "SYNCHRONIZED",
                  "ERRONEOUS", "NEED_DELETION", "QUEUED_FOR_DELETION"}


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("articles", __name__, url_prefix="/api/vario/erp")
    _articles(routes)
    _listings(routes)
    _listing_writes(routes, world)
    return routes


def _articles(routes: Blueprint) -> None:
    @routes.get("/articles/<int:article_id>")
    def article(article_id: int) -> Any:
        return dto.article(found_article(article_id), _language())

    @routes.get("/articles/<int:article_id>/stocks")
    def stocks(article_id: int) -> Any:
        found = found_article(article_id)
        channel = request.args.get("salesChannelId", type=int)
        return dto.stock(found, found.listings.get(channel) if channel is not None else None)

    @routes.get("/articles/<int:article_id>/storages")
    def storages(article_id: int) -> Response:
        return jsonify(dto.storages(found_article(article_id)))

    @routes.get("/articles/<int:article_id>/storages/<int:storage_id>")
    def one_storage(article_id: int, storage_id: int) -> Any:
        for shown in dto.storages(found_article(article_id)):
            if shown["storageRef"]["id"] == str(storage_id):
                return shown
        raise not_found(f"The storage {storage_id}")

    @routes.get("/articles/<int:article_id>/<any('storage-movements', components):part>")
    def nothing(article_id: int, part: str) -> Response:
        found_article(article_id)
        return jsonify([])  # no deliveries are on their way, and no article is a set

    @routes.get("/articles/<int:article_id>/products")
    def product(article_id: int) -> Any:
        found = found_article(article_id)
        main = None if found.main is None else current_tenant().articles.get(found.main)
        return dto.product(found, main)

    @routes.get("/articles/<int:article_id>/taxes")
    def taxes(article_id: int) -> Response:
        tax = found_article(article_id).tax
        return jsonify([{"countryCode": country, "typeRef": dto.TAX_TYPES[tax],
                         "validFrom": "2020-01-01"} for country in dto.RATES])

    @routes.get("/articles/<int:article_id>/languages-available-for-article")
    def languages(article_id: int) -> Response:
        return jsonify([LANGUAGE, *found_article(article_id).texts])


def _listings(routes: Blueprint) -> None:
    @routes.get(LISTINGS)
    def listings(article_id: int) -> Response:
        tenant, found = current_tenant(), found_article(article_id)
        shown = [dto.listing(found, own, tenant, _language()) for own in found.listings.values()]
        if request.args.get("allSalesChannels") == "true":
            shown += [dto.unlisted(channel, found) for channel in tenant.channels.values()
                      if channel.id not in found.listings]
        return jsonify(shown)

    @routes.get(LISTINGS + "/<int:listing_id>")
    def listing(article_id: int, listing_id: int) -> Any:
        found, own = _listing(article_id, listing_id)
        return dto.listing(found, own, current_tenant(), _language())


def _listing_writes(routes: Blueprint, world: World) -> None:
    @routes.post(LISTINGS)
    def create(article_id: int) -> Any:
        tenant, found, body = current_tenant(), found_article(article_id), sent_object()
        channel = str((body.get("salesChannelRef") or {}).get("id", ""))
        if not channel.isdigit() or int(channel) not in tenant.channels:
            raise invalid("salesChannelRef names no sales channel.")
        with tenant.lock:
            if int(channel) in found.listings:
                raise ApiError(409, "The article is listed on this channel already.", "CONFLICT")
            own = Listing(int(channel))
            _write(own, body, "deep", _declared(world))
            found.add(own)
        _announce(world, tenant, found, own, "create")
        return dto.listing(found, own, tenant)

    @routes.route(LISTINGS + "/<int:listing_id>", methods=["PATCH", "PUT"])
    def write(article_id: int, listing_id: int) -> Any:
        tenant, body = current_tenant(), sent_object()
        breaks = world.faults.take({"half-applied"}, f"{request.method} {request.path}")
        with tenant.lock:
            found, own = _listing(article_id, listing_id)
            if breaks:
                _write(own, _first_group(body), world.options.merge, None)
                raise ApiError(500, "The sandbox was asked to fail half way.")
            if request.method == "PUT" and str(body.get("version")) != str(own.version):
                raise ApiError(world.options.conflict_status, "The listing was changed by someone "
                               "else in the meantime.", "CONFLICT")
            merge = "shallow" if request.method == "PUT" else world.options.merge
            _write(own, body, merge, _declared(world))
        _announce(world, tenant, found, own)
        return dto.listing(found, own, tenant)

    @routes.put(LISTINGS + "/<int:listing_id>/state")
    def state(article_id: int, listing_id: int) -> Response:
        tenant, wanted = current_tenant(), request.args.get("state", "")
        if wanted not in LISTING_STATES:
            raise invalid(f"{wanted or 'An empty state'} is no listing state.")
        with tenant.lock:
            found, own = _listing(article_id, listing_id)
            own.state, own.state_changed_at = wanted, datetime.now(UTC)
            own.version += 1
        _announce(world, tenant, found, own)
        return Response(status=200)

    @routes.delete(LISTINGS + "/<int:listing_id>")
    def delete(article_id: int, listing_id: int) -> Response:
        tenant = current_tenant()
        with tenant.lock:
            found, own = _listing(article_id, listing_id)
            found.drop(own.channel)
        return Response(status=200)


# --- parts ---------------------------------------------------------------------------------------


def found_article(article_id: int) -> Article:
    found = current_tenant().articles.get(article_id)
    if found is None:
        raise not_found(f"The article {article_id}")
    return found


def _language() -> str:
    return request.args.get("languageCode") or LANGUAGE


def _listing(article_id: int, listing_id: int) -> tuple[Article, Listing]:
    found = found_article(article_id)
    owner, channel = of_listing_id(listing_id)
    if owner != article_id or channel not in found.listings:
        raise not_found(f"The listing {listing_id}")
    return found, found.listings[channel]


def _write(own: Listing, body: dict[str, Any], merge: str, declared: set[str] | None) -> None:
    """Take over what may be written. What is read only or unknown is ignored, as the ERP does."""
    if "custom" in body:
        _check_custom(body["custom"], declared)
        own.custom = merged(own.custom, body["custom"]) if merge == "deep" else body["custom"]
    for name in ("name", "description"):
        if isinstance(body.get(name), dict) and "value" in body[name]:
            setattr(own, name, body[name]["value"])
    if isinstance(body.get("listed"), bool):
        own.listed = body["listed"]
    own.version += 1
    own.updated_at = datetime.now(UTC)


def _first_group(body: dict[str, Any]) -> dict[str, Any]:
    custom = body.get("custom")
    return {"custom": dict(list(custom.items())[:1])} if isinstance(custom, dict) else {}


def _check_custom(custom: Any, declared: set[str] | None) -> None:
    if not isinstance(custom, dict):
        raise invalid("custom is an object.")
    for group, values in custom.items() if declared is not None else ():
        for name in values if isinstance(values, dict) else ():
            if f"{group}.{name}" not in declared:
                raise invalid(f"The custom field {group}.{name} does not exist.")


def _declared(world: World) -> set[str] | None:
    is_free = world.options.custom_fields == "free"
    return None if is_free else current_tenant().custom_fields()


def _announce(world: World, tenant: Tenant, article: Article, own: Listing,
              change: str = "update") -> None:
    """Send the webhook of a written listing; the header keeps it from the app that wrote."""
    for queue, payload in events.master_data(article, [own.channel], change):
        world.courier.announce(tenant, queue, payload, spared=world.spared())
