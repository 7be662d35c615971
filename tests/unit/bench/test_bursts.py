"""The bursts that are measured find as many articles as they change."""

import pytest

from bench.bursts import NOT_FOR_SALE
from sandbox import catalogue
from sandbox.erp.options import Options


@pytest.mark.parametrize("wanted", [1_000, 500, 200, 100, 50])
def test_the_catalogue_has_enough_articles_for_sale(wanted: int):
    articles = catalogue.generate(int(wanted * NOT_FOR_SALE), Options.seed)

    for_sale = [one for one in articles if one.active and one.listed and one.price]
    assert len(for_sale) >= wanted
