"""What Flower gets to see of a task: its batch by name, never its payloads."""

from celery.app.task import Context
from celery.utils.saferepr import saferepr

from tasks.outbound import fetch_task, push_task, transform_task

CLAIM = 32 * "0"
BATCH = {"claim": CLAIM, "payloads": [{"article_id": "5", "body": {"name": "Geheimes Produkt"}}]}
SHOWN = f"(acme/42 stock x1 claim={CLAIM})"


def test_of_a_result_only_the_claim_is_shown():
    for task in (fetch_task, transform_task, push_task):
        assert saferepr(BATCH, task.resultrepr_maxsize) == f"{{'claim': '{CLAIM}', ...}}"


def test_a_retry_shows_what_the_first_run_showed():
    request = Context(id="1", args=[BATCH], kwargs={}, argsrepr=SHOWN, retries=0)

    again = push_task.signature_from_request(request, retries=1)

    assert again.args == (BATCH,)
    assert again.options["argsrepr"] == SHOWN
    assert again.options["kwargsrepr"] == "{}"


def test_a_retry_of_a_message_that_said_nothing_shows_no_payload():
    request = Context(id="1", args=[BATCH], kwargs={}, retries=0)

    again = push_task.signature_from_request(request, retries=1)

    assert again.options["argsrepr"] == "(a batch)"
