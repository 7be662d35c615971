"""update.article-stock: the sellable quantity of one listing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from integration.channel_view import ChannelView
from integration.documents import StockDocument, StockLocation, WithdrawalDocument
from integration.errors import ChannelError, Invalid
from integration.mapping_kinds import LEFT_OUT, Kind
from integration.topics.rows import MAIN_ARTICLE, ErpRow, StorageRecord, load

#: Channel parameter: pieces that are kept back from the shop.
SAFETY_STOCK = "safety_stock"


def stock_document(
    row: Mapping[str, Any], channel: ChannelView
) -> StockDocument | WithdrawalDocument:
    """The quantity to offer; a withdrawal for what is not offered.

    Raises: Invalid if the ERP states no stock, ChannelError for a wrong `safety_stock`.
    """
    article = load(row)
    if not article.is_offered:
        return WithdrawalDocument(article.id)
    stock = stock_of(article, channel)
    if stock is None:
        # 0 would empty the shop on a guess
        raise Invalid(f"{article.label}: the ERP states no stock for channel {channel.label}")
    return stock


def stock_of(article: ErpRow, channel: ChannelView) -> StockDocument | None:
    """The quantity, None if the ERP states none. Units: sales units, rounded down."""
    backorder = article.sellable_without_stock
    if not article.is_tracked:
        return StockDocument(
            article.id, quantity=0, is_tracked=False, sells_without_stock=backorder
        )
    if article.stock is None and article.product_type == MAIN_ARTICLE:
        # No guess: nobody can buy it, only its variants.
        return StockDocument(article.id, quantity=0, sells_without_stock=backorder)
    if article.stock is None:
        return None
    # floor, never round: half a carton on the shelf must not sell a whole one
    quantity = max(0, math.floor(article.stock) - safety_stock(channel))
    return StockDocument(
        article.id,
        quantity=quantity,
        sells_without_stock=backorder,
        locations=None if article.storages is None else _locations(article.storages, channel),
    )


def _locations(
    storages: Sequence[StorageRecord], channel: ChannelView
) -> tuple[StockLocation, ...]:
    """What each location may sell, without those that are left out.

    The channel keeps its safety stock back once, from the location with the most pieces first: a
    shop that adds up its locations must not sell it.
    """
    pieces = {one.id: max(0, math.floor(one.available * one.percent / 100)) for one in storages}
    kept_back = safety_stock(channel)
    for fullest in sorted(pieces, key=lambda one: (-pieces[one], one)):
        taken = min(kept_back, pieces[fullest])
        pieces[fullest] -= taken
        kept_back -= taken
    found = [
        StockLocation(
            one.id,
            pieces[one.id],
            one.label,
            channel.mappings.get(Kind.STORAGE_LOCATION, one.id),
        )
        for one in sorted(storages, key=lambda one: one.id)
    ]
    return tuple(one for one in found if one.shop_location != LEFT_OUT)


def safety_stock(channel: ChannelView) -> int:
    """Pieces that are kept back. Raises: ChannelError if it is not a whole number from 0."""
    text = channel.parameters.get(SAFETY_STOCK, "").strip() or "0"
    if wrong_pieces(text):
        raise ChannelError(
            f"channel {channel.label}: {SAFETY_STOCK} is {text!r}, not a whole number from 0; "
            f"`vario-relay channel set {channel.label} {SAFETY_STOCK}=0` corrects it"
        )
    return int(text)


def wrong_pieces(text: str) -> str | None:
    """What is wrong with a `safety_stock`, as the end of a sentence; None: nothing."""
    return None if text.isascii() and text.isdigit() else "is not a whole number from 0"
