"""What a shop's answers say about the requests it bears."""

import pytest

from integration.shop_rate import START, factor_of, rate_of, share_left


@pytest.mark.parametrize(
    ("headers", "share"),
    [
        ({}, None),
        ({"x-shopify-shop-api-call-limit": "32/40"}, 0.2),
        ({"ratelimit-remaining": "3", "ratelimit-limit": "25"}, 0.12),
        ({"ratelimit-remaining": "50", "ratelimit-limit": "100, 100;w=60"}, 0.5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-limit": "60"}, 0.0),
        ({"x-rate-limit-remaining": "9", "x-rate-limit-limit": "10"}, 0.9),
        # what makes no sense is not told
        ({"ratelimit-remaining": "3"}, None),
        ({"ratelimit-remaining": "3", "ratelimit-limit": "0"}, None),
        ({"ratelimit-remaining": "viele", "ratelimit-limit": "10"}, None),
        ({"x-shopify-shop-api-call-limit": "40"}, None),
        ({"ratelimit-remaining": "20", "ratelimit-limit": "10"}, 1.0),
    ],
)
def test_headers_tell_what_is_left(headers, share):
    assert share_left(headers) == (None if share is None else pytest.approx(share))


@pytest.mark.parametrize(
    ("status", "headers", "seconds", "factor"),
    [
        (200, {}, 0.4, None),
        (400, {}, 0.4, None),  # about rows, not about the rate
        (429, {}, 0.1, 0.5),
        (503, {}, 0.1, 0.5),
        (200, {}, 5.0, 0.8),
        (200, {"x-shopify-shop-api-call-limit": "39/40"}, 0.4, 0.8),
        (429, {"x-shopify-shop-api-call-limit": "39/40"}, 9.0, 0.5),
    ],
)
def test_an_answer_lowers_the_rate_or_lets_it_grow(status, headers, seconds, factor):
    assert factor_of(status, headers, seconds) == factor


def test_a_shop_that_nothing_is_known_of_starts_in_the_middle():
    assert rate_of(None).per_second == START
    assert rate_of(0.5).per_second == 0.5
    assert rate_of(0.2).capacity == 1.0
