"""The demo is the same by day and by night."""

from datetime import datetime, timedelta

import pytest

from cli import demo
from cli.demo import MERCHANTS_ZONE
from cli.times import hour_of_no_night
from integration import sync_runs

CREDENTIALS = {
    "appIdentifier": "relay",
    "clientId": "client",
    "clientSecret": "secret",
    "jwk": {},
    "erpUrl": "http://127.0.0.1:1",
    "tokenUrl": "http://127.0.0.1:1/token",
}


@pytest.mark.parametrize("hour", range(24))
def test_no_night_falls_in_the_hours_after(hour):
    began = datetime(2026, 11, 26, hour, 59, tzinfo=MERCHANTS_ZONE)
    nightly_hour = hour_of_no_night(began)

    for minutes in range(0, 5 * 60, 20):
        assert sync_runs.night_of(began + timedelta(minutes=minutes), nightly_hour) is None


@pytest.mark.parametrize("hour", [0, 2, 7, 14])
def test_no_nightly_pass_begins_while_the_demo_plans_and_applies(hour, tmp_path, monkeypatch):
    began = datetime(2026, 11, 27, hour, 7, tzinfo=MERCHANTS_ZONE)
    monkeypatch.setattr(demo, "datetime", type("Clock", (), {"now": began.astimezone}))

    settings = demo._settings(tmp_path, CREDENTIALS, 8080)

    assert settings["RELAY_TIMEZONE"] == MERCHANTS_ZONE.key
    assert sync_runs.night_of(began, int(settings["RELAY_NIGHTLY_HOUR"])) is None
