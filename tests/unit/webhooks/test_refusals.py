"""What is refused, with which answer, and which of several reasons counts."""

import shutil

import pytest

from tests.unit.webhooks.support import bearer, build_world, token

ARTICLE = "article.update"
TOO_LARGE = b'{"articleId": 1, "x": "' + b"x" * 65_536 + b'"}'


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, sqlite_template):
    """One database for all: every test proves that it left it as it was."""
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("world"))
    world = build_world(f"sqlite:///{file}")
    yield world
    world.engine.dispose()


@pytest.fixture
def world(untouched):
    yield untouched
    assert untouched.is_untouched()


# Refused: one thing is wrong


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("article.delete", "UNKNOWN_EVENT"),
        ("article(sales-channel-id=42).update", "UNKNOWN_EVENT"),
        ("account.update", "EVENT_NOT_HANDLED"),
        (f"{ARTICLE}/99", "UNKNOWN_CHANNEL"),  # globex's
        (f"{ARTICLE}/41", "UNKNOWN_CHANNEL"),
        (f"{ARTICLE}/042", "UNKNOWN_CHANNEL"),
        (f"{ARTICLE}/42%27%20OR%201=1", "UNKNOWN_CHANNEL"),
        (f"{ARTICLE}/42/", "NOT_FOUND"),
        (f"{ARTICLE}/42/43", "NOT_FOUND"),
        ("", "NOT_FOUND"),
    ],
)
@pytest.mark.contract("10.23")
def test_an_address_that_is_not_ours_is_a_404(world, path, code):
    response = world.post(path, {"articleId": 5})

    assert (response.status_code, response.json["error"]) == (404, code)
    assert set(response.json) == {"error", "message"}


def test_a_tenant_that_is_not_ours_is_a_404(world):
    response = world.post(ARTICLE, {"articleId": 5}, headers=bearer(tenantSubdomain="initech"))

    assert (response.status_code, response.json) == (
        404,
        {
            "error": "UNKNOWN_TENANT",
            "message": "This app is not set up for the tenant of the token.",
        },
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "NOT_JSON"),
        (b"{", "NOT_JSON"),
        (b"articleId=5", "NOT_JSON"),
        (b'{"articleId": NaN}', "NOT_JSON"),
        (b'{"articleId": 5, "name": "\xff"}', "NOT_JSON"),
        ('{"articleId": 5}'.encode("utf-16"), "NOT_JSON"),
        (b"[" * 60_000, "NOT_JSON"),
        (b"null", "NOT_AN_OBJECT"),
        (b"7", "NOT_AN_OBJECT"),
        (b'"5"', "NOT_AN_OBJECT"),
        (b'[{"articleId": 5}]', "NOT_AN_OBJECT"),
    ],
)
def test_a_body_that_is_no_json_object_is_a_400(world, body, code):
    response = world.post(ARTICLE, body)

    assert (response.status_code, response.json["error"]) == (400, code)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"parcelId": 5}',
        b'{"articleId": null}',
        b'{"articleId": true}',
        b'{"articleId": 5.0}',
        b'{"articleId": 5e0}',
        b'{"articleId": 1000000000000000000}',
        b'{"articleId": ' + b"9" * 5000 + b"}",
        b'{"articleId": "x"}',
    ],
)
def test_a_body_without_a_known_id_is_a_422(world, body):
    response = world.post(ARTICLE, body)

    assert (response.status_code, response.json["error"]) == (422, "NO_KNOWN_ID")


def test_a_body_of_exactly_the_limit_is_read(world):
    body = b"{}".ljust(65_536)

    assert world.post(f"{ARTICLE}/42", body).status_code == 422
    assert world.post(f"{ARTICLE}/42", body + b" ").status_code == 413


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_a_405(world, method):
    response = world.client.open(f"/api/webhooks/{ARTICLE}", method=method, headers=bearer())

    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    if method != "HEAD":
        assert response.json["error"] == "METHOD_NOT_ALLOWED"


# Refused: the first of several reasons counts


def test_too_large_comes_before_unproven(world):
    response = world.post("no.such.event", TOO_LARGE, headers={})

    assert response.status_code == 413
    assert response.json == {
        "error": "BODY_TOO_LARGE",
        "message": "The body is larger than 65536 bytes.",
    }


@pytest.mark.parametrize(
    "path", ["no.such.event", f"{ARTICLE}/99", f"{ARTICLE}/42", "", f"{ARTICLE}/42/43"]
)
@pytest.mark.parametrize("body", [b"[", b"{}", b'{"articleId": 5}'])
def test_unproven_comes_before_everything_else_and_says_nothing(world, path, body):
    response = world.post(path, body, headers={"Authorization": f"Bearer {token()}x"})

    assert (response.status_code, response.data) == (401, b"")
    assert response.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/api/webhooks/article.update", "/api", "/api/", "/api/x/y"])
@pytest.mark.contract("10.3")
def test_nothing_below_api_answers_without_a_token(world, path):
    assert world.client.get(path).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("//api/webhooks/article.update", 401),
        ("/api//webhooks/article.update", 401),
        ("/API/webhooks/article.update", 404),
    ],
)
def test_another_spelling_of_the_address_is_no_way_round_the_token(world, path, status):
    # As the server hands the path over; a test client would read //api as a host.
    raw = {"PATH_INFO": path}

    assert world.client.post("/", data=b'{"id": 5}', environ_overrides=raw).status_code == status


def test_a_doubled_slash_is_a_wrong_address_and_no_redirect(world):
    raw = {"PATH_INFO": "/api/webhooks//article.update"}
    response = world.client.post("/", data=b"{}", headers=bearer(), environ_overrides=raw)

    assert (response.status_code, response.json["error"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["no.such.event", f"{ARTICLE}/99"])
@pytest.mark.parametrize("body", [b"[", b"{}"])
def test_an_unknown_address_comes_before_a_bad_body(world, path, body):
    assert world.post(path, body).status_code == 404


def test_an_unknown_tenant_comes_before_a_bad_body(world):
    unknown = bearer(tenantSubdomain="initech")

    assert world.post(ARTICLE, b"[", headers=unknown).status_code == 404
