"""What a child of a worker needs at its peak: the largest batches that a channel can bring.

Measured where it counts, at the process that the kernel would end: `VmHWM` is the most that one
ever had in memory. Other tests look at parts of it, by the memory of Python alone.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

from cli.server_processes import descendants
from tests.acceptance.conftest import StartService
from tests.acceptance.service import AS_SHIPPED, Service, wait_until

LIMIT_MB = 200
BATCH, DESCRIPTION = 100, 20_000
IMAGES, IMAGE_BYTES = 20, 20_000_000
#: Stages may take as long as shipped, so that all of it is in one batch.
STAGES = {name: AS_SHIPPED[name] for name in AS_SHIPPED if "STAGE" in name or "LEASE" in name}


def peak_mb(service: Service) -> float:
    """The most that the one child of the worker's pool ever had in memory."""
    (child,) = descendants([service.processes["worker"].pid])
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{child}/status").read_text())
    assert found is not None
    return int(found[1]) / 1_000


def long_text(rng: random.Random) -> str:
    """Hex digits, which nothing on the way makes much smaller."""
    return rng.randbytes(DESCRIPTION // 2).hex()


def test_the_largest_batches_take_a_worker_to_less_than_two_hundred_megabytes(
    start_service: StartService, bare_postgres_url: str, broker_url: str
):
    service = start_service(bare_postgres_url, broker_url, articles=130, overrides=STAGES)
    articles = service.articles_for_sale()[:BATCH]
    rng = random.Random(1)
    texts = {one["number"]: long_text(rng) for one in articles}
    service.edit_all_silently((one, {"description": texts[one["number"]]}) for one in articles)
    assert len(texts) == BATCH
    service.start_worker(processes=1)
    service.start_beat()

    service.hint("article", *articles)
    service.wait_until_idle()
    with_texts = peak_mb(service)

    service.erp("media", article=articles[0]["id"], add=IMAGES, bytes=IMAGE_BYTES, silent=True)
    service.hint("media", articles[0])
    wait_until(lambda: len(service.product(articles[0])["images"]) == IMAGES, "all images came")
    service.wait_until_idle()
    with_images = peak_mb(service)

    print(f"peak of a child: {with_texts:.0f} MB with texts, {with_images:.0f} MB with images")
    products = service.products()
    assert {one: products[one]["description"] for one in texts} == texts
    assert {one["size"] for one in products[articles[0]["number"]]["images"]} == {IMAGE_BYTES}
    assert with_images < LIMIT_MB
