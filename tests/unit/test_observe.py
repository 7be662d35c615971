"""What may be read in a log, and what must not."""

import logging

import pytest

from integration import observe
from integration.observe import event, masked

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJ0ZW5hbnQiOiJhY21lIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token {JWT} refused", "token *** refused"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("authorization: bearer abc", "authorization: bearer ***"),
        ("client_secret=abc&grant_type=x", "client_secret=***&grant_type=x"),
        ('{"client_secret": "a b c", "id": 1}', '{"client_secret": "***", "id": 1}'),
        ('{"refresh_token":"abc","id":1}', '{"refresh_token":"***","id":1}'),
        ("{'password': 'abc'}", "{'password': '***'}"),
        ("offlineToken=abc", "offlineToken=***"),
        ("offline_token: abc", "offline_token: ***"),
        ("postgresql://relay:s3cret@db/relay", "postgresql://relay:***@db/relay"),
        ("amqp://guest:p%40ss@mq//", "amqp://guest:***@mq//"),
        ("postgresql://relay:s3@cret@db/relay", "postgresql://relay:***@db/relay"),
        ("?access_token=abc HTTP/1.1", "?access_token=*** HTTP/1.1"),
        ("api_secret = abc", "api_secret = ***"),
        ("X-Shop-Secret: abc", "X-Shop-Secret: ***"),
        ("appToken=abc&language=de", "appToken=***&language=de"),
        ('"GET /install?a=b&c=d HTTP/1.1" 200', '"GET /install?*** HTTP/1.1" 200'),
        ("https://relay.example/api/uninstall?a=b.", "https://relay.example/api/uninstall?***"),
    ],
)
@pytest.mark.contract("10.18")
def test_a_secret_is_never_shown(text, shown):
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "event=work_item.settled channel=acme/42 topic=update.article-stock",
        "article 1 at https://shop.example:8000/api/product?limit=1",
        "the secretary asked",
        "RELAY_SECRET_KEY is missing",
        "2026-11-23 17:16:00,123",
    ],
)
def test_everything_else_stays_as_it_is(text):
    assert masked(text) == text


def test_an_event_is_one_line_of_names_and_values_in_order():
    assert event("work_item.settled", channel="acme/42", ms=12, reason="not listed") == (
        "event=work_item.settled channel=acme/42 ms=12 reason='not listed'"
    )


@pytest.mark.parametrize("text", ["two\nlines", "a\rb", "tab\there", 'say "x"', "a=b"])
def test_a_value_cannot_forge_a_line_or_a_name(text):
    line = event("x", reason=text, ms=1)

    assert len(line.splitlines()) == 1
    assert line.endswith(" ms=1")


@pytest.fixture
def root_logger():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.contract("10.18")
def test_the_log_masks_messages_arguments_and_tracebacks(root_logger, capsys):
    observe.set_up_logging()

    try:
        raise RuntimeError(f"refused {JWT}")
    except RuntimeError:
        logging.getLogger("integration").exception("calling with %s", "Bearer abc")

    shown = capsys.readouterr().err
    assert JWT not in shown
    assert "Bearer ***" in shown
    assert "RuntimeError: refused ***" in shown


def test_setting_up_twice_does_not_log_twice(root_logger, capsys):
    observe.set_up_logging()
    observe.set_up_logging()

    logging.getLogger("integration").info("once")

    assert capsys.readouterr().err.count("once") == 1
