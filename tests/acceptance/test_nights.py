"""A night in the real processes: what drifted in the shop is found, sent back and reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.explaining.texts import Language
from integration.models import NightlyComparison
from integration.reconciliation import night_report, nights
from tests.acceptance import night_clock
from tests.acceptance.deployments import Deployment
from tests.acceptance.service import AS_SHIPPED, MERCHANTS_ZONE, Service, wait_until
from tests.acceptance.template import Process

#: A tenth is not for sale; a fifth of the prices is fewer than are wrong.
ARTICLES, WRONG = 50, 25
#: No lease has to end here; on a busy machine the short ones of other tests do.
NOBODY_DIES = {
    name: AS_SHIPPED[name] for name in ("RELAY_LEASE_S", "RELAY_STAGE_SOFT_S", "RELAY_STAGE_HARD_S")
}


def hour_before() -> str:
    """A nightly hour with which it is night now, and stays so while the test runs."""
    return str((datetime.now(UTC).astimezone(MERCHANTS_ZONE).hour - 1) % 24)


class AtNight(Service):
    """A service whose night the test lets come."""

    def start(self, name: str, module: str, *arguments: str) -> Process:
        if name in ("up", "beat"):
            return super().start(name, night_clock.__name__, module, *arguments)
        return super().start(name, module, *arguments)

    def night_comes(self) -> None:
        (self.folder / night_clock.FALLS).touch()

    def night(self) -> NightlyComparison | None:
        with self.runtime.scope() as session:
            return nights.newest(session, self.channel_id)

    def is_morning(self) -> bool:
        """The comparison is over, and what it asked for is in the shop."""
        night = self.night()
        return night is not None and night.ended_at is not None and not self.open_items()

    def report(self, language: Language) -> str:
        with self.runtime.scope() as session:
            found = nights.newest(session, self.channel_id)
            report = night_report.report_of(session, "acme/42", found)
        return night_report.text_of(report, language, MERCHANTS_ZONE)


@pytest.fixture
def service(
    deployment: Deployment, tmp_path: Path, module_environ: dict[str, str]
) -> Iterator[AtNight]:
    with AtNight(
        tmp_path,
        module_environ,
        deployment.database_url,
        deployment.broker_url,
        articles=ARTICLES,
        has_brakes=True,
        overrides={"RELAY_NIGHTLY_HOUR": hour_before(), **NOBODY_DIES},
    ) as service:
        service.start_all()
        service.fill_shop()
        yield service


def test_what_drifted_in_the_shop_is_sent_back_at_night_and_the_brakes_stand(service: AtNight):
    for_sale = service.articles_for_sale()
    wrong, (sold, hidden, deleted, missed, *_others) = for_sale[:WRONG], for_sale[WRONG:]
    # The ERP's export puts the comma in the wrong place, and one change of many gets lost.
    service.edit_all_silently((one, {"gross": "0.01", "net": "0.01"}) for one in wrong)
    service.edit_silently(missed, name="Nie erzählt")
    # And people work in the shop.
    service.shop("edit", article=sold["number"], set={"stock": 4711})
    service.shop("edit", article=hidden["number"], set={"active": False})
    service.shop("edit", article=deleted["number"], delete=True)

    service.night_comes()
    wait_until(service.is_morning, "the night is over")

    assert service.differences(sold, hidden, deleted, missed) == []
    shown = service.products()
    assert [one for one in wrong if float(shown[one["number"]]["gross"]) <= 0.01] == []
    service.assert_no_product_twice()
    english = service.report(Language.EN)
    assert f"Comparison of sales channel acme/42, night of {service.night().night}" in english
    assert "missing in the shop: 1" in english
    assert "different values (shop -> ERP): 2" in english
    assert "stock 4711 -> " in english
    assert f"held and not counted: {WRONG}" in english
    assert "of the lines of the plan: 3 sent" in english
    german = service.report(Language.DE)
    assert "fehlen im Shop: 1" in german
    assert f"angehalten und nicht mitgezählt: {WRONG}" in german
    assert "von den Zeilen des Plans: 3 gesendet" in german
