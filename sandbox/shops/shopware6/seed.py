"""What a freshly installed shop contains, under ids that stay the same over every start."""

from __future__ import annotations

from decimal import Decimal

from .ids import fixed_id
from .schema import DEFAULT_CURRENCY, SYSTEM_LANGUAGE
from .states import MACHINES, state_id
from .store import Store

GERMAN = fixed_id("language de-DE")
STOREFRONT = fixed_id("sales channel storefront")
HEADLESS = fixed_id("sales channel headless")
ROOT_CATEGORY = fixed_id("category root")
ALWAYS_RULE = fixed_id("rule always valid")
STANDARD_TAX = fixed_id("tax 19")
SHIPPING, EXPRESS = fixed_id("shipping method standard"), fixed_id("shipping method express")
CUSTOMERS = fixed_id("customer group standard")
PRODUCT_FOLDER = fixed_id("media folder product")
INVOICE = fixed_id("payment method invoice")
CENTRAL, BRANCH = fixed_id("warehouse central"), fixed_id("warehouse branch")
INTEGRATION, ROLE = fixed_id("integration"), fixed_id("acl role integration")
TAXES = (("Standard rate", 19, STANDARD_TAX), ("Reduced rate", 7, fixed_id("tax 7")),
         ("Reduced rate 2", 0, fixed_id("tax 0")))


def fill(store: Store) -> None:
    """Put the rows of a fresh installation into an empty store."""
    _fill_basics(store)
    _fill_orders(store)
    for channel_id, name in ((STOREFRONT, "Storefront"), (HEADLESS, "Headless")):
        store.insert("sales_channel", channel_id, name=name, active=True, maintenance=False,
                     languageId=SYSTEM_LANGUAGE, currencyId=DEFAULT_CURRENCY,
                     navigationCategoryId=ROOT_CATEGORY, customerGroupId=CUSTOMERS,
                     typeId=fixed_id(f"type {name}"), accessKey="SWSC" + channel_id[:22].upper())


def fill_warehouses(store: Store) -> None:
    """Two warehouses, the first of them in a group that counts for everybody."""
    group = fixed_id("warehouse group everybody")
    store.insert("warehouse_group", group, name="Everybody", priority=1, ruleId=ALWAYS_RULE)
    for warehouse, name in ((CENTRAL, "Central"), (BRANCH, "Branch")):
        store.insert("warehouse", warehouse, name=name)
    store.put("warehouse_group_warehouse", (CENTRAL, group),
              {"warehouseId": CENTRAL, "warehouseGroupId": group})


def fill_integration(store: Store, access_key: str) -> None:
    """The integration that the credentials are of, with its role."""
    store.insert("integration", INTEGRATION, label="VARIO", accessKey=access_key, admin=False)
    store.insert("acl_role", ROLE, name="VARIO", privileges=[])
    store.put("integration_role", (INTEGRATION, ROLE),
              {"integrationId": INTEGRATION, "aclRoleId": ROLE})


def _fill_basics(store: Store) -> None:
    for position, (name, rate, tax_id) in enumerate(TAXES, 1):
        store.insert("tax", tax_id, name=name, taxRate=Decimal(rate), position=position)
    store.insert("currency", DEFAULT_CURRENCY, isoCode="EUR", symbol="€", factor=Decimal(1),
                 position=1, isSystemDefault=True, name="Euro", shortName="EUR")
    for code, label, territory, language_id, language in (
            ("en-GB", "English", "United Kingdom", SYSTEM_LANGUAGE, "English"),
            ("de-DE", "German", "Germany", GERMAN, "Deutsch")):
        locale_id = fixed_id(f"locale {code}")
        store.insert("locale", locale_id, code=code, name=label, territory=territory)
        store.insert("language", language_id, name=language, localeId=locale_id,
                     translationCodeId=locale_id)
    store.insert("category", ROOT_CATEGORY, name="Catalogue #1")
    store.insert("rule", ALWAYS_RULE, name="Always valid (Default)", priority=100)
    store.insert("rule_condition", fixed_id("condition always valid"), ruleId=ALWAYS_RULE,
                 type="alwaysValid", value={"isAlwaysValid": True})
    store.insert("customer_group", CUSTOMERS, name="Standard customer group")
    default_id = fixed_id("media default folder product")
    store.insert("media_default_folder", default_id, entity="product")
    store.insert("media_folder", PRODUCT_FOLDER, name="Product Media", defaultFolderId=default_id,
                 useParentConfiguration=False)


def _fill_orders(store: Store) -> None:
    for entity, machine in MACHINES.items():
        machine_id = fixed_id(f"state machine {entity}")
        store.insert("state_machine", machine_id, technicalName=machine.name, name=machine.label,
                     initialStateId=state_id(entity, "open"))
        for name, label in machine.states.items():
            store.insert("state_machine_state", state_id(entity, name), technicalName=name,
                         name=label, stateMachineId=machine_id)
    days = fixed_id("delivery time 1-3 days")
    store.insert("delivery_time", days, name="1-3 days", min=1, max=3, unit="day")
    for method_id, name in ((SHIPPING, "Standard"), (EXPRESS, "Express")):
        store.insert("shipping_method", method_id, name=name, active=True, deliveryTimeId=days,
                     technicalName=f"shipping_{name.lower()}", availabilityRuleId=ALWAYS_RULE)
    store.insert("payment_method", INVOICE, name="Invoice", technicalName="payment_invoicepayment",
                 active=True)
