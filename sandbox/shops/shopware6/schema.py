"""The entities the sandbox knows: their fields, what is required, and how they hang together.

Only what a connector that pushes articles can touch. The order of `fields` is the order in which
missing values are reported. Kinds: str, text, int, float, bool, price, json, map, date, id; an
id that is also in `foreign` must refer to a row that exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

LIVE_VERSION = "0fa91ce3e96a4bc2be4bd9ce752c3425"
SYSTEM_LANGUAGE = "2fbb5fe2e29a4d70aa5854ce7ce3e20b"
DEFAULT_CURRENCY = "b7d2554b0ce847cd82f3ac9bd1c0dfca"


@dataclass(frozen=True)
class Link:
    """A many-to-many association: the other entity, and the table with both keys."""

    entity: str
    table: str
    own: str
    other: str


@dataclass(frozen=True)
class Entity:
    """One table. `one`: association -> own foreign key; `many`: association -> (table, its key)."""

    name: str
    fields: dict[str, str]
    translated: dict[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    key: tuple[str, ...] = ("id",)
    foreign: dict[str, str] = field(default_factory=dict)
    one: dict[str, str] = field(default_factory=dict)
    many: dict[str, tuple[str, str]] = field(default_factory=dict)
    linked: dict[str, Link] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    protected: tuple[str, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)  # shown, never written here
    autoload: tuple[str, ...] = ()
    versioned: bool = False

    @property
    def route(self) -> str:
        return self.name.replace("_", "-")

    @cached_property
    def id_name(self) -> str:
        """What another table calls this one's key: product_media -> productMediaId."""
        head, *rest = self.name.split("_")
        return head + "".join(part.title() for part in rest) + "Id"

    @cached_property
    def associations(self) -> tuple[str, ...]:
        return (*self.one, *self.many, *self.linked)

    @cached_property
    def names(self) -> dict[str, None]:
        """Every member of a row as it is read, in a fixed order."""
        head = ["extensions", "_uniqueIdentifier", "versionId", "translated", "createdAt",
                "updatedAt"]
        tail = ["translations"] if self.translated else []
        own = [*self.fields, *self.translated, *self.protected, *self.constants]
        return dict.fromkeys([*head, *own, *self.associations, *tail, "id"])


_META = {"name": "str", "keywords": "text", "description": "text", "metaTitle": "str",
         "metaDescription": "text"}

PRODUCT = Entity(
    "product", versioned=True,
    fields={
        "taxId": "id", "price": "price", "productNumber": "str", "stock": "int", "parentId": "id",
        "manufacturerId": "id", "unitId": "id", "coverId": "id", "deliveryTimeId": "id",
        "featureSetId": "id", "canonicalProductId": "id", "cmsPageId": "id", "active": "bool",
        "manufacturerNumber": "str", "ean": "str", "restockTime": "int", "isCloseout": "bool",
        "purchaseSteps": "int", "maxPurchase": "int", "minPurchase": "int", "purchaseUnit": "float",
        "referenceUnit": "float", "shippingFree": "bool", "purchasePrices": "price",
        "markAsTopseller": "bool", "weight": "float", "width": "float", "height": "float",
        "length": "float", "releaseDate": "date", "displayGroup": "str",
        "variantListingConfig": "json", "variantRestrictions": "json",
        "customFieldSetSelectionActive": "bool",
    },
    translated={**_META, "packUnit": "str", "packUnitPlural": "str", "customFields": "map",
                "slotConfig": "json", "customSearchKeywords": "json"},
    required=("taxId", "price", "productNumber", "stock", "name"),
    foreign={"taxId": "tax", "manufacturerId": "product_manufacturer", "unitId": "unit",
             "parentId": "product", "coverId": "product_media"},
    one={"tax": "taxId", "manufacturer": "manufacturerId", "unit": "unitId", "cover": "coverId",
         "parent": "parentId"},
    many={"prices": ("product_price", "productId"), "media": ("product_media", "productId"),
          "visibilities": ("product_visibility", "productId"), "children": ("product", "parentId"),
          "configuratorSettings": ("product_configurator_setting", "productId")},
    linked={
        "categories": Link("category", "product_category", "productId", "categoryId"),
        "options": Link("property_group_option", "product_option", "productId", "optionId"),
        "properties": Link("property_group_option", "product_property", "productId", "optionId")},
    defaults={"active": True, "isCloseout": False, "purchaseSteps": 1, "minPurchase": 1,
              "shippingFree": False, "markAsTopseller": False},
    protected=("available", "availableStock", "sales", "ratingAverage", "categoryTree",
               "childCount", "states"),
    constants={"autoIncrement": None, "deliveryTime": None, "streamIds": None, "optionIds": None,
               "propertyIds": None, "variation": [], "cmsPage": None, "searchKeywords": None,
               "customFieldSets": None, "tags": None, "categoriesRo": None, "tagIds": None,
               "categoryIds": None, "productReviews": None, "mainCategories": None,
               "seoUrls": None, "orderLineItems": None, "crossSellings": None,
               "crossSellingAssignedProducts": None, "featureSet": None, "wishlists": None,
               "canonicalProduct": None, "streams": None, "downloads": None},
    autoload=("tax", "manufacturer", "unit", "cover", "prices"))

CATEGORY = Entity(
    "category", versioned=True,
    fields={"parentId": "id", "afterCategoryId": "id", "mediaId": "id", "type": "str",
            "displayNestedProducts": "bool", "productAssignmentType": "str", "visible": "bool",
            "active": "bool", "cmsPageId": "id", "productStreamId": "id",
            "customEntityTypeId": "id"},
    translated={**_META, "customFields": "map", "slotConfig": "json", "linkType": "str",
                "internalLink": "str", "externalLink": "str", "linkNewTab": "bool",
                "breadcrumb": "json"},
    required=("name",), foreign={"parentId": "category", "mediaId": "media"},
    one={"parent": "parentId", "media": "mediaId"}, many={"children": ("category", "parentId")},
    linked={"products": Link("product", "product_category", "categoryId", "productId")},
    defaults={"type": "page", "displayNestedProducts": True, "visible": True, "active": True,
              "productAssignmentType": "product"},
    constants={"autoIncrement": None, "path": None, "level": 1, "childCount": 0,
               "visibleChildCount": 0, "nestedProducts": None, "tags": None,
               "cmsPageIdSwitched": True, "cmsPage": None, "productStream": None,
               "navigationSalesChannels": None, "footerSalesChannels": None,
               "serviceSalesChannels": None, "mainCategories": None, "seoUrls": None})

_SMALL = [
    PRODUCT, CATEGORY,
    Entity("tax", {"taxRate": "float", "name": "str", "position": "int", "customFields": "map"},
           required=("taxRate", "name"),
           constants={"products": None, "rules": None, "shippingMethods": None}),
    Entity("currency", {"factor": "float", "symbol": "str", "isoCode": "str", "position": "int",
                        "itemRounding": "json", "totalRounding": "json", "taxFreeFrom": "float"},
           {"name": "str", "shortName": "str", "customFields": "map"},
           required=("factor", "symbol", "isoCode", "name", "shortName"),
           constants={"isSystemDefault": None}),
    Entity("language", {"name": "str", "localeId": "id", "parentId": "id",
                        "translationCodeId": "id"}, required=("name", "localeId"),
           foreign={"localeId": "locale"}, one={"locale": "localeId"}),
    Entity("locale", {"code": "str"}, {"name": "str", "territory": "str"},
           required=("code", "name", "territory")),
    Entity("unit", {}, {"name": "str", "shortCode": "str", "customFields": "map"},
           required=("name", "shortCode")),
    Entity("product_manufacturer", {"link": "str", "mediaId": "id"},
           {"name": "str", "description": "text", "customFields": "map"}, required=("name",),
           foreign={"mediaId": "media"}, one={"media": "mediaId"}, versioned=True),
    Entity("product_visibility", {"productId": "id", "salesChannelId": "id", "visibility": "int"},
           required=("productId", "salesChannelId", "visibility"),
           foreign={"productId": "product", "salesChannelId": "sales_channel"},
           one={"salesChannel": "salesChannelId"}),
    Entity("product_price", {"productId": "id", "ruleId": "id", "price": "price",
                             "quantityStart": "int", "quantityEnd": "int", "customFields": "map"},
           required=("productId", "ruleId", "price", "quantityStart"),
           foreign={"productId": "product", "ruleId": "rule"}, one={"rule": "ruleId"},
           versioned=True),
    Entity("product_media", {"productId": "id", "mediaId": "id", "position": "int",
                             "customFields": "map"}, required=("productId", "mediaId"),
           foreign={"productId": "product", "mediaId": "media"}, one={"media": "mediaId"},
           autoload=("media",), versioned=True),
    Entity("product_configurator_setting",
           {"productId": "id", "optionId": "id", "mediaId": "id", "price": "json",
            "position": "int", "customFields": "map"}, required=("productId", "optionId"),
           foreign={"productId": "product", "optionId": "property_group_option"},
           one={"option": "optionId"}, versioned=True),
    Entity("property_group", {"displayType": "str", "sortingType": "str", "filterable": "bool",
                              "visibleOnProductDetailPage": "bool"},
           {"name": "str", "description": "text", "position": "int", "customFields": "map"},
           required=("name",), many={"options": ("property_group_option", "groupId")},
           defaults={"displayType": "text", "sortingType": "alphanumeric", "filterable": True,
                     "visibleOnProductDetailPage": True}),
    Entity("property_group_option", {"groupId": "id", "colorHexCode": "str", "mediaId": "id"},
           {"name": "str", "position": "int", "customFields": "map"},
           required=("groupId", "name"), foreign={"groupId": "property_group", "mediaId": "media"},
           one={"group": "groupId", "media": "mediaId"}),
    Entity("media_folder", {"name": "str", "parentId": "id", "configurationId": "id",
                            "useParentConfiguration": "bool"}, required=("name",)),
    Entity("rule", {"name": "str", "priority": "int", "description": "text"},
           required=("name", "priority")),
    Entity("sales_channel", {"typeId": "id", "languageId": "id", "currencyId": "id",
                             "navigationCategoryId": "id", "accessKey": "str", "active": "bool",
                             "maintenance": "bool"}, {"name": "str", "customFields": "map"},
           required=("name",), foreign={"languageId": "language", "currencyId": "currency",
                                        "navigationCategoryId": "category"},
           one={"language": "languageId", "currency": "currencyId",
                "navigationCategory": "navigationCategoryId"}),
    Entity("custom_field_set", {"name": "str", "config": "json", "active": "bool",
                                "global": "bool", "position": "int"}, required=("name",),
           many={"customFields": ("custom_field", "customFieldSetId"),
                 "relations": ("custom_field_set_relation", "customFieldSetId")},
           defaults={"active": True, "global": False, "position": 1}),
    Entity("custom_field", {"name": "str", "type": "str", "config": "json", "active": "bool",
                            "customFieldSetId": "id"}, required=("name", "type"),
           foreign={"customFieldSetId": "custom_field_set"}, defaults={"active": True}),
    Entity("custom_field_set_relation", {"customFieldSetId": "id", "entityName": "str"},
           required=("customFieldSetId", "entityName"),
           foreign={"customFieldSetId": "custom_field_set"}),
    Entity("media", {"mediaFolderId": "id", "userId": "id", "private": "bool", "config": "json"},
           {"alt": "text", "title": "str", "customFields": "map"},
           foreign={"mediaFolderId": "media_folder"}, one={"mediaFolder": "mediaFolderId"},
           defaults={"private": False},
           protected=("mimeType", "fileExtension", "fileSize", "fileName", "uploadedAt", "metaData",
                      "mediaType", "url", "path", "hasFile"),
           constants={"user": None, "categories": None, "productManufacturers": None,
                      "productMedia": None, "avatarUsers": None, "thumbnails": [],
                      "propertyGroupOptions": None, "mailTemplateMedia": None, "tags": None,
                      "documentBaseConfigs": None, "shippingMethods": None, "paymentMethods": None,
                      "productConfiguratorSettings": None, "orderLineItems": None,
                      "cmsBlocks": None, "cmsSections": None, "cmsPages": None, "documents": None,
                      "appPaymentMethods": None, "appShippingMethods": None,
                      "productDownloads": None, "orderLineItemDownloads": None}),
    Entity("product_category", {"productId": "id", "categoryId": "id"},
           key=("productId", "categoryId"), foreign={"productId": "product",
                                                     "categoryId": "category"}),
    Entity("product_option", {"productId": "id", "optionId": "id"}, key=("productId", "optionId"),
           foreign={"productId": "product", "optionId": "property_group_option"}),
    Entity("product_property", {"productId": "id", "optionId": "id"},
           key=("productId", "optionId"), foreign={"productId": "product",
                                                   "optionId": "property_group_option"}),
]

ENTITIES = {entity.name: entity for entity in _SMALL}
