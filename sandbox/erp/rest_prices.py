"""REST reads of prices and taxes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.erp import dto
from sandbox.erp.errors import invalid, not_found
from sandbox.erp.model import of_price_id, price_id
from sandbox.erp.options import Options
from sandbox.erp.price_records import RECORD_BASE, RECORD_END
from sandbox.erp.rest_articles import found_article
from sandbox.erp.world import World, current_tenant


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("prices", __name__, url_prefix="/api/vario/erp")
    _prices(routes, world)
    _taxes(routes, world)
    return routes


def unit(world: World) -> str:
    return world.options.tax_rate_unit


def _prices(routes: Blueprint, world: World) -> None:
    @routes.get("/products/sales-price-by-selection")
    def selected() -> Any:
        article_id = request.args.get("articleId", type=int)
        if article_id is None:
            raise invalid("articleId is required.")
        found = found_article(article_id)
        own = found.listings.get(request.args.get("salesChannelId", type=int))
        offer = found.offer_on(own)
        if offer is not None:
            return dto.price_record(offer, found, world.options)
        channel, record = found.priced_by(own)
        if record is None:
            if world.options.no_price == "empty":
                return Response(status=200)
            raise not_found("A sales price")
        return dto.price(price_id(found.id, channel), record, found, world.options)

    @routes.get("/products/sales-prices/<int:article_id>")
    def all_prices(article_id: int) -> Response:
        return jsonify(dto.prices(found_article(article_id), world.options))

    @routes.get("/products/prices/<int:identifier>")
    def one_price(identifier: int) -> Any:
        rule = current_tenant().price_rules.get(identifier)
        if rule is not None:
            return dto.price_rule(rule, world.options)
        if RECORD_BASE <= identifier < RECORD_END:
            return _record(identifier, world.options)
        article_id, channel = of_price_id(identifier)
        found = current_tenant().articles.get(article_id)
        own = found.listings.get(channel) if found is not None else None
        record = (own.price if own else None) if channel else found.price if found else None
        if found is None or record is None:
            raise not_found(f"The price {identifier}")
        return dto.price(identifier, record, found, world.options)


def _record(identifier: int, options: Options) -> Any:
    for article in current_tenant().articles.between():
        for one in article.price_records:
            if one.id == identifier:
                return dto.price_record(one, article, options)
    raise not_found(f"The price {identifier}")


def _taxes(routes: Blueprint, world: World) -> None:
    @routes.get("/taxes/tax-select")
    def by_article() -> Any:
        article_id = request.args.get("articleId", type=int)
        if article_id is None:
            raise invalid("articleId is required.")
        return dto.rate(_country(), found_article(article_id).tax, unit(world))

    @routes.get("/taxes/tax-select/<schema_id>")
    def by_schema(schema_id: str) -> Any:
        return dto.rate(_country(), _schema(schema_id), unit(world))

    @routes.get("/taxes/tax-rates")
    def rates() -> Response:
        return jsonify([dto.rate(country, tax, unit(world))
                        for country in dto.RATES for tax in dto.TAX_TYPES])

    @routes.get("/taxes/tax-schemas")
    def schemas() -> Response:
        return jsonify([dto.tax_schema(tax) for tax in dto.TAX_TYPES])

    @routes.get("/taxes/tax-schemas/<schema_id>")
    def schema(schema_id: str) -> Any:
        return dto.tax_schema(_schema(schema_id))


def _schema(schema_id: str) -> str:
    for tax, known in dto.SCHEMA_IDS.items():
        if known == schema_id:
            return tax
    raise not_found(f"The tax schema {schema_id}")


def _country() -> str:
    country = request.args.get("countryCode", "DE")
    if country not in dto.RATES:
        raise not_found(f"A tax rate of {country}")
    return country
