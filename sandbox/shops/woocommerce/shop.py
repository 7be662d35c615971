"""The shop behind the routes: options, state, faults, and each write with its entry in the journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import g, request

from sandbox.faults import Faults

from . import auth, clock, errors, images, seed
from .errors import ApiError
from .products import Writer
from .store import Journal, Row, Store

EXTRA_FAULTS = {
    "php-notice": "applies the request and prints PHP's notices before the JSON",
    "html-after": "applies the request, then answers 200 with an HTML page",
    "half": "applies the first half of a batch, then answers 500",
    "key-revoked": "treats the request as nobody's",
    "image-host-down": "refuses the images of the next download",
}
#: Rows of one batch; a filter of the shop may lower it.
BATCH_LIMIT = 100


@dataclass(frozen=True)
class Options:
    """How the shop is set up; `latency` is what a write request takes."""

    consumer_key: str = "ck_sandbox"
    consumer_secret: str = "cs_sandbox"
    prices_include_tax: bool = True
    calc_taxes: bool = True
    manage_stock: bool = True
    pretty_permalinks: bool = True
    has_brands: bool = True
    wp_user: str = "sandbox"
    wp_password: str = "sandboxapplicationpasswd"
    may_upload: bool = True
    upload_limit_bytes: int | None = None
    #: Where tracking goes: fulfilments of WooCommerce, a plugin by its namespace, or neither.
    fulfillments: bool = False
    tracking_plugin: str = ""
    currency: str = "EUR"
    weight_unit: str = "kg"
    dimension_unit: str = "cm"
    version: str = "11.0.1"
    batch_limit: int = BATCH_LIMIT
    latency_base_ms: float = 0.0
    latency_ms_per_100_rows: float = 0.0
    fetch_image: images.Fetch = images.download
    now: Callable[[], float] = field(default=time.time)


class Shop:
    """State and behaviour behind the routes."""

    def __init__(self, options: Options, url: str) -> None:
        self.options, self.url = options, url
        self.store, self.journal = Store(), Journal()
        self.faults = Faults(EXTRA_FAULTS)
        self.rejects: dict[str, int | None] = {}  # folded number -> how many more times
        main = auth.Key(options.consumer_key, options.consumer_secret)
        self.gate = auth.Gate([main, auth.READ_ONLY, auth.WRITE_ONLY, auth.CUSTOMER], options.now)
        seed.fill(self.store, options)

    def reset(self) -> None:
        """Everything as at start."""
        with self.store.lock:
            self.store.clear()
            self.journal.clear()
            self.rejects.clear()
            self.gate.reset()
            seed.fill(self.store, self.options)
        self.faults.clear()

    def wait(self, rows: int) -> None:
        """What the shop needs for so many rows; taken before they are written."""
        wait_ms = self.options.latency_base_ms + self.options.latency_ms_per_100_rows * rows / 100
        if wait_ms > 0:
            time.sleep(wait_ms / 1000)

    def writer(self, started: float) -> Writer:
        return Writer(self.store, self._fetch, manages_stock=self.options.manage_stock,
                      started=started)

    def create(self, writer: Writer, body: Row, *, parent_id: int = 0, by: str = "api") -> Row:
        """Raises ApiError; the journal has it either way."""
        return self._noted("create", body, by, lambda: self._checked(
            body, lambda: writer.create(body, parent_id)))

    def update(self, writer: Writer, row: Row, body: Row, *, by: str = "api") -> Row:
        return self._noted("update", body, by, lambda: self._checked(
            {"sku": row["sku"], **body}, lambda: writer.update(row, body)), row)

    def delete(self, writer: Writer, row: Row, *, force: bool, by: str = "api") -> Row:
        return self._noted("delete", {"id": row["id"], "force": force}, by,
                           lambda: writer.delete(row, force=force), row)

    def product(self, product_id: Any, *, status: int, parent_id: int = 0) -> Row:
        """The row that an id means. Raises ApiError with the status the route answers."""
        row = self.store.products.get(product_id) if isinstance(product_id, int) else None
        if parent_id:
            if row is None or row["parent_id"] != parent_id:
                raise errors.invalid_id(404, "woocommerce_rest_product_variation_invalid_id")
        elif row is None:
            raise errors.invalid_id(status)
        elif row["type"] == "variation":
            raise errors.use_variation_route()
        return row

    def _fetch(self, url: str) -> tuple[str, str]:
        if self.faults.take({"image-host-down"}, url) is not None:
            return "cURL error 28: Connection timed out", ""
        return self.options.fetch_image(url)

    def _checked(self, body: Row, write: Callable[[], Row]) -> Row:
        sku = str(body.get("sku") or "").casefold()
        if sku in self.rejects:
            left = self.rejects[sku]
            if left == 1:
                del self.rejects[sku]
            elif left is not None:
                self.rejects[sku] = left - 1
            raise ApiError(400, "sandbox_rejected", "The sandbox was asked to refuse this product.")
        return write()

    def _noted(self, action: str, body: Row, by: str, write: Callable[[], Row],
               row: Row | None = None) -> Row:
        entry = {"at": clock.exactly(), "request": _request_id(), "by": by,
                 "entity": "product", "action": action, "body": body}
        number = (row or {}).get("sku") or str(body.get("sku") or "")
        try:
            written = write()
        except ApiError as refusal:
            self.journal.note((row or {}).get("id", 0), number, **entry,
                              result=f"refused {refusal.code}")
            raise
        self.journal.note(written["id"], written["sku"] or number, **entry, result="applied")
        return written


def _request_id() -> str:
    given = request.headers.get("X-Request-Id") if request else None
    return given or g.get("request_number", "")
