"""What a freshly installed shop contains, under ids that stay the same over every start."""

from __future__ import annotations

import hashlib
from decimal import Decimal

from .clock import stamp
from .schema import DEFAULT_CURRENCY, ENTITIES, SYSTEM_LANGUAGE
from .store import Row, Store


def fixed_id(name: str) -> str:
    """A 32-digit id derived from a name."""
    return hashlib.md5(f"sandbox-shopware6:{name}".encode(), usedforsecurity=False).hexdigest()


GERMAN = fixed_id("language de-DE")
STOREFRONT = fixed_id("sales channel storefront")
HEADLESS = fixed_id("sales channel headless")
ROOT_CATEGORY = fixed_id("category root")
ALWAYS_RULE = fixed_id("rule always valid")
STANDARD_TAX = fixed_id("tax 19")
TAXES = (("Standard rate", 19, STANDARD_TAX), ("Reduced rate", 7, fixed_id("tax 7")),
         ("Reduced rate 2", 0, fixed_id("tax 0")))


def fill(store: Store) -> None:
    """Put the rows of a fresh installation into an empty store."""
    for position, (name, rate, tax_id) in enumerate(TAXES, 1):
        _put(store, "tax", tax_id, name=name, taxRate=Decimal(rate), position=position)
    _put(store, "currency", DEFAULT_CURRENCY, isoCode="EUR", symbol="€", factor=Decimal(1),
         position=1, isSystemDefault=True, name="Euro", shortName="EUR")
    for code, label, territory, language_id, language in (
            ("en-GB", "English", "United Kingdom", SYSTEM_LANGUAGE, "English"),
            ("de-DE", "German", "Germany", GERMAN, "Deutsch")):
        locale_id = fixed_id(f"locale {code}")
        _put(store, "locale", locale_id, code=code, name=label, territory=territory)
        _put(store, "language", language_id, name=language, localeId=locale_id,
             translationCodeId=locale_id)
    _put(store, "category", ROOT_CATEGORY, name="Catalogue #1")
    _put(store, "rule", ALWAYS_RULE, name="Always valid (Default)", priority=100)
    _put(store, "media_folder", fixed_id("media folder product"), name="Product Media")
    for channel_id, name in ((STOREFRONT, "Storefront"), (HEADLESS, "Headless")):
        _put(store, "sales_channel", channel_id, name=name, active=True, maintenance=False,
             languageId=SYSTEM_LANGUAGE, currencyId=DEFAULT_CURRENCY,
             navigationCategoryId=ROOT_CATEGORY, typeId=fixed_id(f"type {name}"),
             accessKey="SWSC" + channel_id[:22].upper())


def _put(store: Store, table: str, key: str, **values: object) -> None:
    entity = ENTITIES[table]
    texts = {name: values.pop(name) for name in entity.translated if name in values}
    row: Row = {**entity.defaults, **values, "id": key, "createdAt": stamp(), "updatedAt": None,
                "autoIncrement": store.next_serial()}
    if entity.translated:
        row["translations"] = {SYSTEM_LANGUAGE: texts}
    store.put(table, key, row)
