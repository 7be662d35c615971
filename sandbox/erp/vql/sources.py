"""The data sources of the sandbox: which columns each offers, and how its rows are found.

Profile `rest` offers of the articles only what is attested for the real ERP; profile `columns` also
what a real ERP may or may not have: prices, stock, change times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from sandbox.erp.model import Article, Articles, Listing, listing_id, product_id
from sandbox.erp.options import Options
from sandbox.erp.tenants import Tenant
from sandbox.erp.vql.parts import Bounds, Field, Source
from sandbox.erp.vql.syntax import VqlError

CHANNEL = "listings.salesChannel.id"
ATTESTED = frozenset({"id", "number", "listings.id", "listings.listed", CHANNEL,
                      "listings.salesChannel.label"})
Pair = tuple[Article, Listing | None]


def names() -> tuple[str, ...]:
    return tuple(_SOURCES)


def source(name: str, tenant: Tenant, options: Options) -> Source:
    """The source called `name` with the tenant's rows. Raises VqlError."""
    make = _SOURCES.get(name)
    if make is None:
        raise VqlError(f"The source {name} does not exist.")
    made = make(tenant, options)
    return _without(made, options.missing_columns) if options.missing_columns else made


def _without(made: Source, missing: tuple[str, ...]) -> Source:
    """The source after an update of the ERP that took these columns away."""
    fields = {path: known for path, known in made.fields.items() if path not in missing}
    return replace(
        made, fields=fields, standard=tuple(path for path in made.standard if path in fields),
        indexed=made.indexed & set(fields),
        dynamic=lambda path: None if path in missing else made.dynamic(path))


def _fields(columns: Iterable[tuple[str, str, Callable[[Any], Any]]]) -> dict[str, Field]:
    return {path: Field(path, kind, get) for path, kind, get in columns}


# --- articles ------------------------------------------------------------------------------------


def _price(pair: Pair, side: str) -> Any:
    price = pair[0].price_on(pair[1])
    return None if price is None else getattr(price, side)


def _side(pair: Pair, side: str) -> Any:
    return None if pair[0].size is None else getattr(pair[0].size, side)


_ARTICLE_COLUMNS = (
    ("id", "id", lambda row: row[0].id),
    ("number", "text", lambda row: row[0].number),
    ("name", "text", lambda row: row[0].name),
    ("description", "text", lambda row: row[0].description),
    ("active", "bool", lambda row: row[0].active),
    ("deliverable", "bool", lambda row: row[0].active),
    ("sellable", "bool", lambda row: row[0].active),
    ("sellableWithoutStock", "bool", lambda row: row[0].sellable_without_stock),
    ("productType", "text", lambda row: row[0].product_type),
    ("product.id", "id", lambda row: product_id(row[0].id)),
    ("product.mainVariantProduct.id", "id",
     lambda row: None if row[0].main is None else product_id(row[0].main)),
    ("manufacturerArticleNumber", "text", lambda row: row[0].manufacturer_number or None),
    *((f"grossMetric.size{side.upper()}", "number", partial(_side, side=side)) for side in "xyz"),
    ("grossMetric.sizeUnit.abbreviation", "text",
     lambda row: None if row[0].size is None else row[0].size.unit),
    ("manufacturer.label", "text", lambda row: row[0].manufacturer or None),
    ("productGroup.label", "text", lambda row: row[0].product_group or None),
    ("grossMetric.weight", "number", lambda row: row[0].weight),
    ("grossMetric.weightUnit.abbreviation", "text",
     lambda row: None if row[0].weight is None else row[0].weight_unit),
    ("netSalesPrice", "number", lambda row: _price(row, "net")),
    ("grossSalesPrice", "number", lambda row: _price(row, "gross")),
    ("priceBase", "text", lambda row: _price(row, "base")),
    ("taxSchema.id", "id", lambda row: {"standard": 11, "reduced": 12}[row[0].tax]),
    ("stockAvailable", "number", lambda row: row[0].stock_on(row[1])),
    ("updatedAt", "time", lambda row: row[0].updated_at),
    ("media.revision", "number", lambda row: row[0].media_revision),
    ("identifiers.name", "text", lambda row: None if row[0].ean is None else "EAN"),
    ("identifiers.value", "text", lambda row: row[0].ean),
)
_SHOP_LISTING = _fields((
    *_ARTICLE_COLUMNS,
    ("listings.id", "id", lambda row: listing_id(row[0].id, row[1].channel)),
    ("listings.customLowestPriceNet", "number", lambda row: row[1].lowest.get("custom_net")),
    ("listings.customLowestPriceGross", "number", lambda row: row[1].lowest.get("custom_gross")),
    ("listings.proposedLowestPriceNet", "number", lambda row: row[1].lowest.get("proposed_net")),
    ("listings.proposedLowestPriceGross", "number",
     lambda row: row[1].lowest.get("proposed_gross")),
    ("listings.listed", "bool", lambda row: row[1].listed),
    ("listings.listingState", "text", lambda row: row[1].state),
    ("listings.categoryRefs.id", "id", lambda row: list(row[1].categories)),
    ("listings.name", "text", lambda row: row[1].name),
    ("listings.description", "text", lambda row: row[1].description),
    (CHANNEL, "id", lambda row: row[1].channel),
))
_LIES = {
    # As if the columns held another price list: a euro off, and only where there is a price.
    "price": _fields((
        ("netSalesPrice", "number", lambda row: _off(_price(row, "net"))),
        ("grossSalesPrice", "number", lambda row: _off(_price(row, "gross"))),
    )),
    # As if the column held what lies in the warehouse, reserved pieces included.
    "stock": _fields((
        ("stockAvailable", "number", lambda row: row[0].stock_on(row[1]) + row[0].reserved()),
    )),
}


def _off(amount: Any) -> Any:
    return None if amount is None else amount + 1


def _shop_listing(tenant: Tenant, options: Options) -> Source:
    profile = options.profile
    label = Field("listings.salesChannel.label", "text",
                  lambda row: tenant.channel_label(row[1].channel))
    fields = {**_SHOP_LISTING, label.path: label}
    if options.currency_column:
        said = Field("salesPriceCurrency.isoCode", "text",
                     lambda row: _price(row, "net") and options.currency_column)
        fields[said.path] = said
    for lie in options.column_lies:
        fields.update(_LIES[lie])
    if profile == "rest":
        fields = {path: known for path, known in fields.items() if path in ATTESTED}
    standard = tuple(path for path in ("id", "number", "name", "active") if path in fields)

    def rows(bounds: Bounds) -> Iterable[Pair]:
        found, channels = _articles(tenant.articles, bounds), bounds.among.get(CHANNEL)
        if channels is not None and len(channels) == 1:  # nearly always, and worth being fast
            (channel,) = channels
            return ((article, listing) for article in found
                    if (listing := article.listings.get(channel)) is not None)
        return ((article, listing) for article in found
                for channel, listing in sorted(article.listings.items())
                if channels is None or channel in channels)

    prefixes = ("listings.custom.",) if profile == "rest" else ("listings.custom.", "custom.")
    declared = tenant.custom_fields() if options.custom_fields == "declared" else None
    return Source(fields, rows, standard, frozenset({"id", "number", CHANNEL}),
                  lambda path: _custom(path, prefixes, declared),
                  "listings" if options.listing_rows == "meta" else None)


def _articles(articles: Articles, bounds: Bounds) -> list[Article]:
    """The articles within the bounds, in the order of their ids."""
    ids, numbers = bounds.among.get("id"), bounds.among.get("number")
    if numbers is not None:
        by_number = {found.id for number in numbers if (found := articles.by_number(number))}
        ids = by_number if ids is None else ids & by_number
    if ids is None:
        return articles.between(bounds.after, bounds.upto)
    return [article for article_id in sorted(ids)
            if (article := articles.get(article_id)) is not None
            and (bounds.after is None or article_id > bounds.after)
            and (bounds.upto is None or article_id <= bounds.upto)]


def _custom(path: str, prefixes: tuple[str, ...], declared: set[str] | None) -> Field | None:
    """A field of the custom data: prefix, group and attribute; of any group if none is declared."""
    for prefix in prefixes:
        if path.startswith(prefix) and "." in (inside := path.removeprefix(prefix)):
            if declared is not None and inside not in declared:
                return None
            owner = 1 if prefix.startswith("listings.") else 0  # place in the pair
            return Field(path, "custom", partial(_walk, owner=owner, keys=inside.split(".")))
    return None


def _walk(pair: Pair, owner: int, keys: list[str]) -> Any:
    value: Any = pair[owner].custom  # type: ignore[union-attr]
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _article_query(tenant: Tenant, options: Options) -> Source:
    offered = {"id", "number", "name", "active", "updatedAt", "identifiers.name",
               "identifiers.value"}
    wanted = {"id"} if options.profile == "rest" else offered
    fields = {path: known for path, known in _fields(_ARTICLE_COLUMNS).items() if path in wanted}

    def rows(bounds: Bounds) -> Iterable[Pair]:
        return ((article, None) for article in _articles(tenant.articles, bounds))

    return Source(fields, rows, ("id",), frozenset({"id", "number"} & wanted))


# --- channels and the app's own records ----------------------------------------------------------


def _listed(fields: dict[str, Field], rows: Callable[[], Iterable[Any]],
            standard: tuple[str, ...]) -> Source:
    """A source of few rows, without an index."""
    return Source(fields, lambda _bounds: list(rows()), standard)


def _sales_channels(tenant: Tenant, _options: Options) -> Source:
    def backend(name: str) -> Callable[[Any], Any]:
        return lambda row: getattr(tenant.backends.get(row.backend), name, None)

    fields = _fields((
        ("id", "id", lambda row: row.id),
        ("label", "text", lambda row: row.label),
        ("active", "bool", lambda row: row.active),
        ("channelType", "text", lambda row: row.type),
        ("channelBackend.id", "id", lambda row: row.backend),
        ("channelBackend.appId", "text", backend("app_id")),
        ("channelBackend.type", "text", backend("type")),
    ))
    return _listed(fields, lambda: sorted(tenant.channels.values(), key=lambda row: row.id),
                   ("id", "label"))


def _backends(tenant: Tenant, _options: Options) -> Source:
    fields = _fields((
        ("id", "id", lambda row: row.id),
        ("label", "text", lambda row: row.label),
        ("appId", "text", lambda row: row.app_id),
        ("type", "text", lambda row: row.type),
        ("active", "bool", lambda row: row.active),
    ))
    return _listed(fields, lambda: sorted(tenant.backends.values(), key=lambda row: row.id),
                   ("id", "appId", "type"))


def _webhooks(tenant: Tenant, _options: Options) -> Source:
    fields = _fields((
        ("destinationQueue", "text", lambda row: row.queue),
        ("url", "text", lambda row: row.url),
        ("appIdentifier", "text", lambda row: row.app),
    ))
    return _listed(fields, lambda: [one for known in list(tenant.registrations.values())
                                    for one in known], ("destinationQueue", "url"))


def _migrations(tenant: Tenant, _options: Options) -> Source:
    def part(name: str) -> Callable[[Any], Any]:
        return lambda row: row.get(name)

    fields = _fields((("id", "id", part("id")), ("identifier", "text", part("identifier")),
                      ("appIdentifier", "text", part("appIdentifier")),
                      ("note", "text", part("note"))))
    return _listed(fields, lambda: tenant.migrations.values(), ("id", "identifier"))


def _sales_documents(tenant: Tenant, options: Options) -> Source:
    fields = _fields((
        ("id", "id", lambda row: row.id),
        ("name", "text", lambda row: row.number),
        ("documentDate", "time", lambda row: row.created_at),
        *(() if options.profile == "rest" else (
            ("number", "text", lambda row: row.number),
            ("documentTypeCategory", "text", lambda row: row.category),
            ("documentState.key", "text", lambda row: row.state),
            ("salesChannel.id", "id", lambda row: row.channel),
            (options.order_reference, "text", lambda row: row.reference),
        )),
    ))
    return _listed(fields, lambda: list(tenant.trade.documents.values()),
                   ("id", "name", "documentDate"))


_SOURCES: dict[str, Callable[[Tenant, Options], Source]] = {
    "article.shopListing": _shop_listing,
    "article.query": _article_query,
    "article.queryArticles": _article_query,
    "sales-channel.salesChannels": _sales_channels,
    "sales-channel.salesChannelBackends": _backends,
    "document.querySalesDocuments": _sales_documents,
    "system.queryAppMessageWebhook": _webhooks,
    "system.queryAppMigrations": _migrations,
}
