"""What a channel wants of an article beyond what every article has; read from its parameters. Pure.

What is not wanted is neither asked of the ERP nor sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from integration.channel_view import ChannelView
from integration.errors import ChannelError
from integration.mapping_kinds import Kind

CATEGORIES = "categories"
CUSTOM_FIELDS = "custom_fields"
VARIANTS = "variants"
STORAGES = "storages"
ON, OFF = "on", "off"

#: A custom field of the ERP as its columns are named (vario-erp.md 3.8): of the article or of the
#: listing, group, attribute.
_PATH = re.compile(r"(?:listings\.)?custom(?:\.[A-Za-z][A-Za-z0-9_-]*){2}", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True)
class Wants:
    """`languages`: the shop's by the ERP's code. `custom_fields`: the shop's name by ERP path."""

    languages: Mapping[str, str] = field(default_factory=dict)
    categories: bool = False
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    variants: bool = False
    #: Stock by storage location.
    storages: bool = False


#: Of a channel without such parameters and mappings.
NOTHING_MORE = Wants()


def wants_of(channel: ChannelView) -> Wants:
    """Raises: ChannelError for parameters that `channel set` would have refused."""
    for name in (CATEGORIES, VARIANTS, STORAGES):
        value = channel.parameters.get(name, OFF)
        if (what := wrong_switch(value)) is not None:
            raise ChannelError(f"{name} {what}; set it with `channel set {channel.label} {name}=`")
    text = channel.parameters.get(CUSTOM_FIELDS, "")
    if text and (what := wrong_custom_fields(text)) is not None:
        raise ChannelError(f"{CUSTOM_FIELDS} {what}")
    return Wants(
        languages=dict(channel.mappings.by_kind.get(Kind.LANGUAGE, {})),
        categories=channel.parameters.get(CATEGORIES) == ON,
        custom_fields=dict(_pairs(text)),
        variants=has_variants(channel),
        storages=channel.parameters.get(STORAGES) == ON,
    )


def stock_wants_of(channel: ChannelView) -> Wants:
    """What of it a stock needs. Raises: ChannelError, as `wants_of`."""
    return Wants(storages=wants_of(channel).storages)


def has_variants(channel: ChannelView) -> bool:
    """Whether variants of this channel are variants in the shop."""
    return channel.parameters.get(VARIANTS) == ON


def wrong_switch(value: str) -> str | None:
    """What is wrong with the value of a switch, as the end of a sentence; None: nothing."""
    return None if value in (ON, OFF) else "is neither on nor off"


def wrong_custom_fields(text: str) -> str | None:
    """What is wrong with the list of custom fields, as the end of a sentence; None: nothing."""
    pairs = _pairs(text)
    for path, name in pairs:
        if not _PATH.fullmatch(path):
            return "has a path without `custom.GROUP.ATTRIBUTE`"
        if not _NAME.fullmatch(name):
            return "has a path without a field of the shop"
    if len({name for _path, name in pairs}) < len(pairs):
        return "fills a field of the shop twice"
    return None


def _pairs(text: str) -> list[tuple[str, str]]:
    entries = (one.partition("=") for one in text.split(",") if one.strip())
    return [(path.strip(), name.strip()) for path, _equals, name in entries]
