"""The pages of install and uninstall: their headers, and what their script does in a browser."""

import json
import logging
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engines import engine_at
from tests.unit.webhooks.support import settings_for
from webhooks import app as web

FOLDER = Path(__file__).parent
SCRIPT = FOLDER.parents[2] / "webhooks" / "static" / "install.js"
SECRET = "query-that-nobody-may-read"
PAGES = ["/install", "/uninstall"]


@pytest.fixture
def client(sqlite_url):
    settings = settings_for(sqlite_url, RELAY_ERP_DOMAINS="vario.cloud, erp.example")
    yield web.create_app(settings, engine_at(sqlite_url)).test_client()
    engine_at(sqlite_url).dispose()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_may_be_framed_by_the_erp_alone_and_runs_only_its_own_script(client, path):
    answer = client.get(f"{path}?offlineToken={SECRET}&appToken={SECRET}")

    policy = dict(
        one.strip().split(" ", 1) for one in answer.headers["Content-Security-Policy"].split(";")
    )
    assert answer.status_code == 200
    assert policy["frame-ancestors"] == (
        "https://vario.cloud https://*.vario.cloud https://erp.example https://*.erp.example"
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Frame-Options" not in answer.headers


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_nothing_inline_and_repeats_nothing_of_its_query(client, path):
    page = client.get(f"{path}?offlineToken={SECRET}&appToken={SECRET}&language={SECRET}").text

    assert SECRET not in page
    assert re.findall(r"<script[^>]*></script>", page) == re.findall(r"<script.*", page)
    assert not re.search(r"\son\w+=|\sstyle=|<style", page)


@pytest.mark.parametrize("path", PAGES)
def test_what_a_page_needs_is_served_by_us(client, path):
    page = client.get(path).text

    found = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert found == ["install-files/install.css", "install-files/install.js"]
    for one in found:
        answer = client.get(f"/{one}")
        assert answer.status_code == 200
        assert answer.content_type.split(";")[0] in ("text/css", "text/javascript")


@pytest.mark.contract("10.18")
@pytest.mark.parametrize(
    "path",
    [
        "/install",
        "/uninstall",
        "/install/",
        "/api/install",
        "/api/uninstall",
        "/nothing",
        "/manifest",
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "put"])
def test_no_query_reaches_our_log_or_an_error_page(client, path, method, caplog):
    caplog.set_level(logging.DEBUG)

    answer = getattr(client, method)(f"{path}?offlineToken={SECRET}&appToken={SECRET}&a={SECRET}")

    assert SECRET not in answer.text
    assert SECRET not in caplog.text
    assert not any(SECRET in value for value in answer.headers.values())


@pytest.mark.contract("10.18")
def test_a_crash_does_not_log_the_query(client, monkeypatch, caplog):
    def crash(*_args, **_options):
        raise RuntimeError("broken")

    monkeypatch.setattr("webhooks.install.render_template", crash)

    answer = client.get(f"/install?offlineToken={SECRET}")

    assert answer.status_code == 500
    assert "RuntimeError: broken" in caplog.text
    assert SECRET not in caplog.text + answer.text


# In a browser


@pytest.fixture
def opened():
    """What the script does when the ERP opens the page with this query and we answer this."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no JavaScript: node is not installed")

    def run(search, answer=None, action="install"):
        given = json.dumps({"search": search, "action": action, "answer": answer})
        command = [node, str(FOLDER / "page.mjs"), str(SCRIPT), given]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def answered(*steps, status=200):
    ok = all(one["ok"] for one in steps)
    return {"status": status, "body": json.dumps({"tenant": "acme", "ok": ok, "steps": steps})}


WELL = {"step": "backend", "ok": True, "detail": "is there <b>", "do": ""}
WARNING = {"step": "channels", "ok": True, "detail": "none", "do": "add one"}
FAILED = {"step": "events", "ok": False, "detail": "answered 500", "do": "once more"}
QUERY = "?offlineToken=off&appToken=app&language=de&appIdentifier=id-1&integrationId=int-1"


def test_the_tokens_travel_in_header_and_body_and_leave_the_address_before(opened):
    did = opened(QUERY, answered(WELL))

    (call,) = did["calls"]
    assert call["url"] == "api/install"
    assert call["method"] == "POST"
    assert call["headers"]["Authorization"] == "Bearer app"
    assert json.loads(call["body"]) == {"language": "de", "offlineToken": "off"}
    assert call["addressThen"] == did["address"] == "/install"
    assert (call["credentials"], call["referrerPolicy"]) == ("omit", "no-referrer")


def test_a_good_report_is_shown_and_the_erp_is_told(opened):
    did = opened(QUERY, answered(WELL, WARNING))

    assert did["language"] == "de"
    assert did["state"]["text"] == "Die App ist installiert."
    assert [one["className"] for one in did["steps"]] == ["well", "warning"]
    # As text, never as HTML.
    assert did["steps"][0]["below"][0]["text"] == "Backend: is there <b>"
    assert did["steps"][1]["below"][1]["text"] == "add one"
    assert did["messages"] == [
        {
            "message": {
                "appIdentifier": "id-1",
                "integrationId": "int-1",
                "installationComplete": True,
            },
            "target": "*",
        }
    ]
    assert did["offered"] == []


def test_a_report_with_faults_is_read_before_the_erp_closes_the_page(opened):
    did = opened(QUERY.replace("=de", "=en"), answered(WELL, FAILED))

    assert did["messages"] == []
    assert did["state"]["className"] == "failed"
    assert did["offered"] == ["again", "finish"]
    assert did["afterFinish"][0]["message"]["installationComplete"] is True


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 401, "body": ""}, "was not accepted"),
        (
            {"status": 422, "body": '{"error": "X", "message": "the token is of another app"}'},
            "app",
        ),
        ({"status": 502, "body": "<html>"}, "does not answer"),
        (None, "does not answer"),
    ],
)
def test_a_refusal_is_said_in_words_and_can_be_tried_again(opened, answer, words):
    did = opened("?offlineToken=off&appToken=app&language=en", answer)

    assert words in did["state"]["text"]
    assert did["state"]["className"] == "failed"
    assert did["offered"] == ["again"]
    assert did["messages"] == []


def test_a_frequent_refusal_is_said_in_german_before_the_services_own_words(opened):
    body = json.dumps({"error": "INSTALL_RUNNING", "message": "tenant acme is at it."})

    did = opened("?appToken=app&language=de", {"status": 409, "body": body})

    said = "Die App wird gerade schon installiert. tenant acme is at it."
    assert did["state"]["text"] == said


def test_a_page_without_tokens_does_nothing(opened):
    did = opened("")

    assert did["calls"] == did["messages"] == []
    assert "opened by VARIO" in did["state"]["text"]


def test_the_deletion_page_uninstalls_and_then_asks_the_erp_to(opened):
    did = opened("?appToken=app&language=en", answered(FAILED), action="uninstall")

    assert did["calls"][0]["url"] == "api/uninstall"
    assert json.loads(did["calls"][0]["body"]) == {"language": "en"}
    assert did["state"]["text"] == "The app is removed."
    assert did["messages"][0]["message"]["requestUninstall"] is True
