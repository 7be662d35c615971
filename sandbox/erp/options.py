"""What a sandbox ERP can be told: at start, or while it runs under /_sandbox/options.

Where the ERP's behaviour is not known (vario-erp.md appendix B) every likely side can be chosen.
docs/sandbox-erp.md says what each option does; a test holds that table against this module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

PROFILES = ("columns", "rest")
EAV_LISTING_NAMES = ("articleListing", "article_listing", "article-listing")
#: The values that a choice has; what is not here is a number, a truth value, a text or a list.
CHOICES: dict[str, tuple[Any, ...]] = {
    "profile": PROFILES,
    "rate_header": ("x-rate-limit-retry-after-seconds", "Retry-After", "http-date", "none"),
    "rate_scope": ("tenant", "client"),
    "rate_refill": ("greedy", "interval"),
    "rate_body": ("json", "api-error", "empty"),
    "token_expires_in": ("number", "text", "omitted"),
    "refresh_token": ("same", "new", "omitted"),
    "app_token_aud": ("text", "list"),
    "app_token_sub": ("user", "app", "omitted"),
    "webhook_auth": ("bearer", "query", "none"),
    "webhook_gone": ("retry", "give-up"),
    "register_twice": ("once", "twice", "409"),
    "event_ids": ("all", "article", "detail", "entityId"),
    "stock_change_id": ("article", "channel"),
    "delivery_event_id": ("delivery", "order"),
    "ids": ("mixed", "number", "text"),
    "nulls": ("random", "sent", "omitted"),
    "listing_rows": ("rows", "meta"),
    "custom_fields": ("free", "declared"),
    "eav_entity": ("all", *EAV_LISTING_NAMES),
    "vql_grammar": ("full", "attested"),
    "vql_over_limit": ("cap", "422"),
    "vql_window": ("statement", "body"),
    "vql_pages": ("exact", "repeat", "skip"),
    "merge": ("deep", "shallow"),
    "suppress": ("own", "all", "patch", "none"),
    "conflict_status": (422, 409),
    "no_price": ("404", "empty"),
    "tax_rate_unit": ("percent", "fraction"),
    "share_prefix": ("", "/api/vario"),
    "file_answer": ("bytes", "url", "redirect"),
    "order_reference": ("externalIdentifier", "externalNumber", "referencedOrderNumber"),
}
LISTS = {"webhook_retries_s": float, "missing_columns": str, "missing_queues": str,
         "forbidden": str, "column_lies": str}
LIES = ("price", "stock")


@dataclass(frozen=True)
class Options:
    """Defaults follow the contract."""

    articles: int = 1000
    catalogue: str | Path | None = None  # a product export; takes the place of generated articles
    seed: int = 1
    domain: str = "vario.cloud"
    webhook_workers: int = 8
    illustrated: int = 0  # so many articles, from the first, have none to three images at the start
    profile: str = "columns"

    rate_limit: int = 40
    rate_window_s: float = 6.0
    rate_header: str = "x-rate-limit-retry-after-seconds"
    rate_scope: str = "tenant"
    rate_refill: str = "greedy"
    rate_body: str = "json"

    access_token_s: float = 300.0
    token_expires_in: str = "number"
    refresh_token: str = "same"
    app_token_s: float = 600.0
    app_token_aud: str = "text"
    app_token_sub: str = "user"

    webhook_auth: str = "bearer"
    webhook_timeout_s: float = 10.0
    webhook_retries_s: tuple[float, ...] = (10, 30, 60, 300, 900)
    webhook_gone: str = "retry"
    register_twice: str = "once"
    missing_queues: tuple[str, ...] = ()
    event_ids: str = "all"
    stock_change_id: str = "article"
    delivery_event_id: str = "delivery"

    ids: str = "mixed"
    nulls: str = "random"
    listing_rows: str = "rows"
    custom_fields: str = "free"
    eav_entity: str = "all"
    column_lies: tuple[str, ...] = ()
    missing_columns: tuple[str, ...] = ()
    vql_grammar: str = "full"
    vql_limit: int = 100
    vql_most: int = 1000
    vql_over_limit: str = "cap"
    vql_window: str = "statement"
    vql_pages: str = "exact"

    merge: str = "deep"
    suppress: str = "own"
    conflict_status: int = 422
    marks_listings: bool = False
    no_price: str = "404"
    tax_rate_unit: str = "percent"
    price_currency: str = "EUR"
    currency_column: str = ""
    channel_license: bool = True
    forbidden: tuple[str, ...] = ()
    dms_ref_type: str = "ARTICLE"
    share_prefix: str = ""
    file_answer: str = "bytes"
    order_reference: str = "externalIdentifier"

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if (value := getattr(self, name)) not in known:
                shown = ", ".join(map(str, known))
                raise ValueError(f"{name} is one of {shown}, not {value!r}")
        for name in ("articles", "rate_limit", "rate_window_s", "access_token_s", "app_token_s",
                     "webhook_timeout_s", "webhook_workers", "vql_limit", "vql_most"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is above 0")
        for name in ("price_currency", "currency_column"):
            code = getattr(self, name)
            if (code or name == "price_currency") and not re.fullmatch("[A-Z]{3}", code):
                raise ValueError(f"{name} is a code of three capitals, not {code!r}")
        if lies := set(self.column_lies) - set(LIES):
            raise ValueError(f"column_lies knows {', '.join(LIES)}, not {', '.join(lies)}")


_AT_START = ("articles", "catalogue", "seed", "domain", "webhook_workers", "illustrated")
#: Everything that can change while requests are being answered.
RUNNING = tuple(one.name for one in fields(Options) if one.name not in _AT_START)


def running_options(options: Options) -> dict[str, Any]:
    return {name: getattr(options, name) for name in RUNNING}


def changed(options: Options, wanted: dict[str, Any]) -> Options:
    """`options` with `wanted` applied. Raises ValueError with a sentence."""
    values = {}
    for name, value in wanted.items():
        if name not in RUNNING:
            raise ValueError(f"no option {name!r} to change; there are {', '.join(RUNNING)}")
        values[name] = _typed(name, value, getattr(options, name))
    return replace(options, **values)


def _typed(name: str, value: Any, default: Any) -> Any:
    if name in LISTS:
        if not isinstance(value, list) or not all(_fits(one, LISTS[name]()) for one in value):
            what = "seconds" if LISTS[name] is float else "texts"
            raise ValueError(f"{name} is a list of {what}")
        return tuple(value)
    if not _fits(value, default):
        raise ValueError(f"{name} has the wrong type")
    return value


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float)) and value >= 0
    return isinstance(value, type(default))
