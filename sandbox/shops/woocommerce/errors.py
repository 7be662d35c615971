"""Refusals in WordPress' envelope: `{"code", "message", "data": {"status", ...}}`."""

from __future__ import annotations

from typing import Any

INVALID_ID = "woocommerce_rest_product_invalid_id"


class ApiError(Exception):
    """One refusal. `body` is what a single call answers and a batch puts under `error`."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(status, code, message)
        self.status, self.code = status, code
        self.body: dict[str, Any] = {
            "code": code, "message": message, "data": {"status": status, **more}}


def no_route() -> ApiError:
    return ApiError(404, "rest_no_route",
                    "No route was found matching the URL and request method.")


def invalid_json() -> ApiError:
    return ApiError(400, "rest_invalid_json", "Invalid JSON body passed.",
                    json_error_code=4, json_error_message="Syntax error")


def authentication(message: str) -> ApiError:
    return ApiError(401, "woocommerce_rest_authentication_error", message)


def too_many(limit: int) -> ApiError:
    return ApiError(413, "woocommerce_rest_request_entity_too_large",
                    f"Unable to accept more than {limit} items for this request.")


def invalid_id(status: int, code: str = INVALID_ID, message: str = "Invalid ID.") -> ApiError:
    return ApiError(status, code, message)


def use_variation_route() -> ApiError:
    return ApiError(404, "woocommerce_rest_invalid_product_id",
                    "To manipulate product variations you should use the "
                    "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.")


def duplicate_sku(owner: int, proposal: str) -> ApiError:
    return ApiError(400, "product_invalid_sku", "Invalid or duplicated SKU.",
                    resource_id=owner, unique_sku=proposal)


def sku_in_lookup_table(sku: str) -> ApiError:
    """A trashed product's number, or one that a parallel request has just taken."""
    return ApiError(400, "woocommerce_rest_product_not_created",
                    f"The product with SKU ({sku}) you are trying to insert is already present in "
                    "the lookup table")


def duplicate_gtin(owner: int) -> ApiError:
    return ApiError(400, "product_invalid_global_unique_id",
                    "Invalid or duplicated GTIN, UPC, EAN or ISBN.", resource_id=owner)


def term_exists(owner: int) -> ApiError:
    return ApiError(400, "term_exists",
                    "A term with the name provided already exists with this parent.",
                    resource_id=owner)


def invalid_param(problems: dict[str, tuple[str, str, Any]]) -> ApiError:
    """`problems`: by parameter (code, message, data)."""
    return ApiError(
        400, "rest_invalid_param", f"Invalid parameter(s): {', '.join(problems)}",
        params={name: message for name, (_, message, _) in problems.items()},
        details={name: {"code": code, "message": message, "data": data}
                 for name, (code, message, data) in problems.items()})
