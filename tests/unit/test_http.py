"""Every request has its time limits."""

import pytest
import responses

from integration.connectors import http


@pytest.mark.pitfall(38)
@pytest.mark.parametrize("scheme", ["https", "http"])
@responses.activate(assert_all_requests_are_fired=True)
def test_a_request_waits_five_seconds_for_a_connection_and_45_for_an_answer(scheme):
    responses.get(f"{scheme}://shop.example/")

    http.session().get(f"{scheme}://shop.example/")

    assert responses.calls[0].request.req_kwargs["timeout"] == (5, 45)


@responses.activate(assert_all_requests_are_fired=True)
def test_who_has_somebody_waiting_waits_no_longer_for_an_answer():
    responses.get("https://erp.example/")

    http.counted(http.impatient(http.session(), 12.0), "erp").get("https://erp.example/")

    assert responses.calls[0].request.req_kwargs["timeout"] == (5, 12.0)
