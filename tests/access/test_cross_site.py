"""What other sites can make a browser do: nothing, on any route that there is."""

import pytest

from tests.access.conftest import CHANGES, TUS
from tests.conftest import OWNER

FOREIGN = {
    "another origin": {"Origin": "https://evil.example"},
    "no origin": {"Origin": "null"},
    "no address": {"Origin": "http://[evil"},
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "a sibling": {"Sec-Fetch-Site": "same-site"},
}
# Not by the cookie: by a signature, by the address itself, or not at all.
OTHERWISE = {"hooks.take": 404, "pages.confirm_deletion": 404, "pages.delete_by_link": 404, "installable.share": 409}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_another_site_changes_nothing_on_any_route_even_if_it_knew_the_pages_token(world, headers):
    world.values["token"] = "A" * 32
    form = {"csrf": world.csrf, "token": OWNER, "action": "remove", "name": "laptop", "scope": "upload", "key": "x"}
    before = world.kept()

    for endpoint, method, path in world.routes(*CHANGES):
        known = {"X-CSRF-Token": world.csrf, **TUS, **headers}
        answer = world.owner.open(path, method=method, data=form, headers=known)
        assert (endpoint, method, answer.status_code) == (endpoint, method, OTHERWISE.get(endpoint, 403))
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers

    assert world.kept() == before
    assert world.owner.get("/").status_code == 200, "still signed in"


def test_the_cookie_alone_changes_nothing(world):
    world.values["token"] = "A" * 32
    before = world.kept()

    for endpoint, method, path in world.routes(*CHANGES):
        answer = world.owner.open(path, method=method, data={"name": "laptop"}, headers=TUS)
        expected = OTHERWISE.get(endpoint, 401 if endpoint == "pages.sign_in" else 403)
        assert (endpoint, method, answer.status_code) == (endpoint, method, expected)

    assert world.kept() == before


def test_looking_changes_nothing_on_any_route(world):
    """But for the one link that ShareX fetches its configuration from, which is signed, short-lived and works once."""
    before = world.kept()
    found = set()

    for endpoint, method, path in world.routes("GET", "HEAD", "OPTIONS"):
        answer = world.owner.open(path, method=method, headers=TUS, query_string={"_method": "DELETE"})
        assert answer.status_code < 500
        found.add((endpoint, answer.status_code))

    assert world.kept() == before
    assert {status for endpoint, status in found if endpoint.startswith(("gallery.", "settings.show"))} == {200}


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_is_no_other_method(world, name):
    """But for tus, whose clients may need it: there it is judged as what it is, a POST."""
    key = world.values["key"]

    for path in (f"/api/uploads/{key}", f"/{key}", "/gallery"):
        assert world.owner.get(path, headers={name: "DELETE"}).status_code == 200
    assert world.owner.post(f"/api/uploads/{key}", headers={name: "DELETE"}).status_code == 405
    tus = f"/api/tus/{world.values['id_']}"
    assert world.owner.post(tus, headers={**TUS, name: "DELETE"}).status_code in (400, 403)
    assert world.owner.head(tus, headers=TUS).status_code == 200


ELSEWHERE = (
    ["//evil.example", "https:evil.example", "/\\evil.example", "/\t/evil.example", "\t//evil.example", "javascript:x",
     "https://evil.example", "/%0d%0aSet-Cookie:x=1\r\nX-Evil: 1", "///evil.example",
     "/\x00/evil.example", "@evil.example"]
)  # fmt: skip


def test_signing_in_leads_nowhere_else(app):
    for target in ELSEWHERE:
        client = app.test_client()
        page = client.get("/login", query_string={"next": target})
        answer = client.post("/login", data={"token": OWNER, "next": target})
        again = client.get("/login", query_string={"next": target})

        assert "evil" not in page.text, target
        assert answer.status_code == again.status_code == 303
        assert answer.headers["Location"] == again.headers["Location"] == "/", target
        assert "X-Evil" not in answer.headers
