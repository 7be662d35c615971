"""Changes that an employee makes in the ERP, with the webhooks that follow from them.

Without a channel an edit changes the article everywhere: a listing that overrides the text goes on
overriding it, with the new text. With a channel only what is particular to that channel changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.catalogue import GROSS, NET, TAX_RATES
from sandbox.erp import edit_details, events, price_records
from sandbox.erp.events import Event
from sandbox.erp.model import DEFAULT_CHANNEL, RULE_BASE, Article, Listing, Price, PriceRule
from sandbox.erp.options import Options
from sandbox.erp.storages import STORAGES, for_sale
from sandbox.erp.tenants import Tenant

MASTER = {"number", "name", "description", "ean", "weight_kg", "tax_rate", "active", "listed",
          "sellable_without_stock", "manufacturer", *edit_details.NAMES}
PRICE = {"net", "gross"}
KNOWN = MASTER | PRICE | {"stock", "storages", "media", "deleted", "prices", "lowest"}
ON_ONE_CHANNEL = {"name", "description", "listed", "media", "net", "gross", "stock", "lowest",
                  "categories", "custom"}
_TAX_BY_RATE = {rate: tax for tax, rate in TAX_RATES.items()}


class EditError(ValueError):
    """The edit makes no sense; the message says why."""


@dataclass(frozen=True)
class Edit:
    """A checked edit: `values` have their final types; `channel` is None for everywhere."""

    values: dict[str, Any]
    channel: int | None = None


def find(tenant: Tenant, key: Any) -> Article:
    """The article with that id or, if there is none, that number. Raises EditError."""
    text = str(key)
    article = tenant.articles.get(int(text)) if text.isascii() and text.isdigit() else None
    article = article or tenant.articles.by_number(text)
    if article is None:
        raise EditError(f"there is no article {key!r}")
    return article


def checked(tenant: Tenant, values: Any, channel: Any = None) -> Edit:
    """Raises EditError naming what is wrong, before anything is changed."""
    if not isinstance(values, dict) or not values:
        raise EditError("`set` is an object with at least one field")
    if channel is not None:
        channel = int(channel) if str(channel).isdigit() else channel
        if channel not in tenant.channels:
            raise EditError(f"there is no sales channel {channel!r}")
    allowed = KNOWN if channel is None else ON_ONE_CHANNEL
    if unknown := set(values) - allowed:
        raise EditError(f"cannot set {', '.join(sorted(unknown))}; "
                        f"there are {', '.join(sorted(allowed))}")
    return Edit({name: _value(name, value) for name, value in values.items()}, channel)


def apply(tenant: Tenant, article: Article, edit: Edit, options: Options) -> list[Event]:
    """Make the change; returns the webhooks it causes, in the order the ERP would send them.

    Raises EditError, with nothing changed.
    """
    with tenant.lock:
        if edit.channel is not None and set(edit.values) - {"listed"}:
            _listing(article, edit.channel)
        if edit.values.get("deleted"):
            tenant.articles.remove(article)
            return []  # the ERP has no event for a deletion
        try:
            _renumber(tenant, article, edit)
        except ValueError as error:
            raise EditError(str(error)) from None
        caused = _master(tenant, article, edit)
        caused += _prices(article, edit)
        caused += _price_records(tenant, article, edit)
        if {"stock", "storages"} & set(edit.values):
            caused += _stock(tenant, article, edit, options.stock_change_id)
        if edit.values.get("media"):
            tenant.shelf.add(article)
            caused += events.master_data(article, _channels(article, edit), "shelf")
        touch(article, media=bool(edit.values.get("media")))
        if options.marks_listings:
            _mark(article, _channels(article, edit))
        return caused


def touch(article: Article, *, media: bool = False) -> None:
    """Note that something of the article has changed, and whether its images have."""
    article.updated_at = datetime.now(UTC)
    article.version += 1
    article.media_revision += int(media)


def _mark(article: Article, channels: list[int]) -> None:
    """Say on the listings that a shop has to follow; who does so in the ERP is not known."""
    for channel in channels:
        own = article.listings.get(channel)
        if own is not None and channel != DEFAULT_CHANNEL:
            own.state, own.state_changed_at = "NEED_SYNCHRONIZE", datetime.now(UTC)


def _renumber(tenant: Tenant, article: Article, edit: Edit) -> None:
    if "number" in edit.values:
        tenant.articles.renumber(article, edit.values["number"])


def _channels(article: Article, edit: Edit) -> list[int]:
    return [edit.channel] if edit.channel is not None else sorted(article.listings)


def _master(tenant: Tenant, article: Article, edit: Edit) -> list[Event]:
    touched = MASTER & set(edit.values)
    if not touched:
        return []
    values = edit.values
    try:
        details = edit_details.apply(tenant, article, values, edit.channel)
    except ValueError as error:
        raise EditError(str(error)) from None
    for name in touched & {"ean", "active", "sellable_without_stock", "manufacturer"}:
        setattr(article, name, values[name])
    if "weight_kg" in values:
        weight = values["weight_kg"]
        in_grams = article.weight_unit == "g" and weight is not None
        article.weight = weight * 1000 if in_grams else weight
    if "tax_rate" in values:
        _retax(article, values["tax_rate"])
    for name in touched & {"name", "description"}:
        _set_text(article, name, values[name], edit.channel)
    created = _list(tenant, article, edit) if "listed" in values else []
    updated = [channel for channel in _channels(article, edit) if channel not in created]
    caused = events.master_data(article, created, "create")
    caused += events.master_data(article, updated) + details
    # Another tax changes the net or the gross side of every price.
    return caused + ([events.price(article, 0)] if "tax_rate" in values and article.price else [])


def _set_text(article: Article, name: str, text: str, channel: int | None) -> None:
    if channel is not None and channel != DEFAULT_CHANNEL:
        setattr(_listing(article, channel), name, text)
        return
    setattr(article, name, text)
    for listing in article.listings.values() if channel is None else ():
        if getattr(listing, name) is not None:
            setattr(listing, name, text)


def _list(tenant: Tenant, article: Article, edit: Edit) -> list[int]:
    """Set `listed`; returns the channels on which the article is offered for the first time."""
    wanted = edit.values["listed"]
    channels = tenant.shop_channels() if edit.channel is None else [edit.channel]
    created = []
    for channel in channels:
        listing = article.listings.get(channel)
        if listing is None and wanted:
            created.append(channel)
            article.add(Listing(channel, state="NEED_SYNCHRONIZE"))
        elif listing is not None:
            listing.listed = wanted
            listing.version += 1
    return created


def _retax(article: Article, tax: str) -> None:
    article.tax = tax
    if article.price is not None:
        article.price = article.price.taxed(tax)
    article.price_records = tuple(one.taxed(tax) for one in article.price_records)
    for listing in article.listings.values():
        if listing.price is not None:
            listing.price = listing.price.taxed(tax)


def _prices(article: Article, edit: Edit) -> list[Event]:
    if not PRICE & set(edit.values):
        return []
    new = _new_price(article, edit.values)
    if edit.channel is not None:
        listing = _listing(article, edit.channel)
        old, listing.price = listing.price, new
        return [events.price(article, edit.channel, _change(old, new))]
    caused = [events.price(article, 0, _change(article.price, new))]
    article.price = new
    for listing in article.listings.values():
        if listing.price is not None:
            caused.append(events.price(article, listing.channel, _change(listing.price, new)))
            listing.price = new
    return caused


def _price_records(tenant: Tenant, article: Article, edit: Edit) -> list[Event]:
    """Replace the records; each of the old and new ones that is not in both is an event."""
    if "lowest" in edit.values:
        for channel in _channels(article, edit):
            _listing(article, channel).lowest = edit.values["lowest"]
    if "prices" not in edit.values:
        return []
    entries = edit.values["prices"]
    first_id = price_records.RECORD_BASE + tenant.next_id() * 1000
    old, article.price_records = article.price_records, price_records.read(entries, first_id)
    return [events.price_record(article, one.id, change)
            for records, change in ((old, "delete"), (article.price_records, "create"))
            for one in records]


def reprice(tenant: Tenant, percent: Decimal, product_group: str | None, *,
            keep: bool) -> tuple[list[Article], Event]:
    """Change many prices by one rule: the ERP reports the rule, none of the articles.

    Without `keep` the rule's record is gone when the event arrives.
    """
    with tenant.lock:
        rule = PriceRule(RULE_BASE + tenant.next_id(), percent, product_group)
        touched = [one for one in tenant.articles.between() if one.price is not None
                   and product_group in (None, one.product_group)]
        for article in touched:
            _multiply(article, percent / 100)
            touch(article)
        if keep:
            tenant.price_rules[rule.id] = rule
    return touched, ("article-price." + ("update" if keep else "delete"), {"priceId": rule.id})


def _multiply(article: Article, factor: Decimal) -> None:
    if article.price is not None:
        article.price = article.price.times(factor, article.tax)
    for listing in article.listings.values():
        if listing.price is not None:
            listing.price = listing.price.times(factor, article.tax)


def _new_price(article: Article, values: dict[str, Any]) -> Price | None:
    net, gross = values.get("net"), values.get("gross")
    if net is not None and gross is not None:
        return Price(net, gross, GROSS)
    if gross is not None:
        return Price.of(gross, GROSS, article.tax)
    return None if net is None else Price.of(net, NET, article.tax)


def _change(old: Price | None, new: Price | None) -> str:
    if new is None:
        return "delete"
    return "create" if old is None else "update"


def _stock(tenant: Tenant, article: Article, edit: Edit, id_is: str) -> list[Event]:
    storages = edit.values.get("storages")
    amount = edit.values["stock"] if storages is None else for_sale(storages)
    if edit.channel is not None:
        _listing(article, edit.channel).stock = amount
        return events.stock(article, [edit.channel], id_is)
    article.stock, article.storages = amount, storages
    for listing in article.listings.values():
        if listing.stock is not None:
            listing.stock = amount
    listed = [channel for channel in tenant.shop_channels() if channel in article.listings]
    return events.stock(article, listed, id_is)


def _listing(article: Article, channel: int) -> Listing:
    listing = article.listings.get(channel)
    if listing is None:
        raise EditError(f"article {article.id} is not listed on sales channel {channel}")
    return listing


# --- checks --------------------------------------------------------------------------------------


def _value(name: str, value: Any) -> Any:
    if name in edit_details.NAMES:
        try:
            return edit_details.checked(name, value)
        except ValueError as error:
            raise EditError(str(error)) from None
    if name in ("active", "listed", "sellable_without_stock", "media", "deleted"):
        if not isinstance(value, bool):
            raise EditError(f"{name} is true or false")
        return value
    if name in ("net", "gross", "stock", "weight_kg", "tax_rate"):
        return _amount(name, value)
    if name == "storages":
        return _of_storages(value)
    if name in ("prices", "lowest"):
        return _of_prices(name, value)
    if not isinstance(value, str) and not (name == "ean" and value is None):
        raise EditError(f"{name} is a text")
    if name == "number" and not value.strip():
        raise EditError("number is not empty")
    return value


def _of_storages(value: Any) -> dict[str, Decimal]:
    if not isinstance(value, dict) or not value or set(value) - set(STORAGES):
        raise EditError(f"storages is pieces by storage, of {', '.join(STORAGES)}")
    return {key: _amount("stock", pieces) for key, pieces in value.items()}


def _of_prices(name: str, value: Any) -> Any:
    try:
        if name == "lowest":
            return price_records.lowest(value)
        price_records.read(value, 0)
    except ValueError as error:
        raise EditError(str(error)) from None
    return value


def _amount(name: str, value: Any) -> Any:
    if value is None and name in ("net", "gross", "weight_kg"):
        return None
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or (name != "stock" and amount < 0):
        raise EditError(f"{name} is a number" + ("" if name == "stock" else ", not negative"))
    if name in ("net", "gross") and amount != round(amount, 2):
        raise EditError(f"{name} has at most two decimals")
    if name == "tax_rate":
        if amount not in _TAX_BY_RATE:
            raise EditError(f"tax_rate is one of {', '.join(str(rate) for rate in _TAX_BY_RATE)}")
        return _TAX_BY_RATE[amount]
    return amount
