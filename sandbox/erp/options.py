"""What a sandbox ERP can be told: at start, or while it runs under /_sandbox/options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

PROFILES = ("columns", "rest")
LIES = ("price", "stock")
RATE_HEADERS = ("x-rate-limit-retry-after-seconds", "Retry-After", "none")


@dataclass(frozen=True)
class Options:
    """Defaults follow the contract; where the ERP's behaviour is not known, both sides are here."""

    articles: int = 1000
    catalogue: str | Path | None = None  # a product export; takes the place of generated articles
    seed: int = 1
    profile: str = "columns"
    domain: str = "vario.cloud"
    rate_limit: int = 40
    rate_window_s: float = 6.0
    rate_header: str = RATE_HEADERS[0]
    access_token_s: float = 300.0
    merge: str = "deep"  # PATCH of a listing: "deep", or "shallow" (replaces whole objects)
    stock_change_id: str = "article"  # id in sales_channel.stockChange: "article" or "channel"
    no_price: str = "404"  # answer for an article without a price: "404" or "empty"
    column_lies: tuple[str, ...] = ()  # what the columns tell otherwise than REST: price, stock
    channel_license: bool = True  # false: creating a sales channel is answered 402
    webhook_timeout_s: float = 10.0
    webhook_retries_s: tuple[float, ...] = (10, 30, 60, 300, 900)
    webhook_workers: int = 8

    def __post_init__(self) -> None:
        _one_of("profile", self.profile, PROFILES)
        _one_of("rate_header", self.rate_header, RATE_HEADERS)
        _one_of("merge", self.merge, ("deep", "shallow"))
        _one_of("stock_change_id", self.stock_change_id, ("article", "channel"))
        _one_of("no_price", self.no_price, ("404", "empty"))
        for lie in self.column_lies:
            _one_of("column_lies", lie, LIES)
        for name in ("articles", "rate_limit", "rate_window_s", "access_token_s",
                     "webhook_timeout_s", "webhook_workers"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is above 0")


# Everything that can change while requests are being answered.
RUNNING = ("rate_limit", "rate_window_s", "rate_header", "access_token_s", "merge", "profile",
           "stock_change_id", "no_price", "column_lies", "channel_license", "webhook_timeout_s",
           "webhook_retries_s")


def running_options(options: Options) -> dict[str, Any]:
    return {name: getattr(options, name) for name in RUNNING}


def changed(options: Options, wanted: dict[str, Any]) -> Options:
    """`options` with `wanted` applied. Raises ValueError with a sentence."""
    for name, value in wanted.items():
        if name not in RUNNING:
            raise ValueError(f"no option {name!r} to change; there are {', '.join(RUNNING)}")
        if not _fits(value, getattr(options, name)):
            raise ValueError(f"{name} has the wrong type")
    schedule = wanted.get("webhook_retries_s")
    if schedule is not None:
        if not all(_fits(delay, 0.0) and delay >= 0 for delay in schedule):
            raise ValueError("webhook_retries_s is a list of seconds")
        wanted = {**wanted, "webhook_retries_s": tuple(schedule)}
    if "column_lies" in wanted:
        wanted = {**wanted, "column_lies": tuple(wanted["column_lies"])}
    return replace(options, **wanted)


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, tuple):
        return isinstance(value, list)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    return isinstance(value, type(default))


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")
