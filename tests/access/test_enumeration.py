"""Trying addresses tells nothing: what never was, what is another's and what is gone are answered alike, with the same
work. Work is counted, not timed: questions to the catalog, and digests."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from app import tokens
from tests.access.conftest import TUS
from tests.conftest import OWNER, UPLOADER


@pytest.fixture
def work(world, monkeypatch):
    """Return what a function returns, and the work that it made: each statement and each digest."""
    done = []
    engine = world.parts.catalog._database._engine
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: done.append(statement))
    digest, equal = tokens.digest, tokens.equal
    monkeypatch.setattr(tokens, "digest", lambda text: done.append("digest") or digest(text))
    monkeypatch.setattr(tokens, "equal", lambda one, other: done.append("equal") or equal(one, other))

    def run(ask):
        done.clear()
        answer = ask()
        headers = {name: value for name, value in answer.headers if name not in ("X-Request-ID", "Date")}
        told = {name: value for name, value in (answer.get_json(silent=True) or {}).items() if name != "request_id"}
        return (answer.status_code, headers, told or answer.text), list(done)

    return run


def same(work, *asks):
    first, *others = [work(ask) for ask in asks]
    assert first[1], "some work is counted"
    for number, (answer, done) in enumerate(others):
        assert answer == first[0], number
        assert done == first[1], number
    return first[0][0]


def test_a_token_that_never_was_is_refused_as_one_that_was_revoked_or_ran_out(world, work):
    catalog, now = world.parts.catalog, world.parts.uploads.clock()
    catalog.tokens.add("gone", tokens.digest("bb_revoked-token-12345"), frozenset({"upload"}), created_at=now)
    catalog.tokens.revoke("gone", now=now)
    over = now - timedelta(days=1)
    old = tokens.digest("bb_expired-token-12345")
    catalog.tokens.add("old", old, frozenset(tokens.SCOPES), created_at=over, expires_at=over)
    client = world.app.test_client()

    def bearer(token):
        return lambda: client.get("/api/uploads", headers={"Authorization": f"Bearer {token}"})

    def sign_in(token):
        return lambda: client.post("/login", data={"token": token})

    known = ("bb_revoked-token-12345", "bb_expired-token-12345")
    assert same(work, bearer("bb_a-guess-of-a-token"), *map(bearer, known)) == 401
    assert same(work, sign_in("bb_a-guess-of-a-token"), *map(sign_in, known), sign_in(UPLOADER)) == 401


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_wrong_deletion_link_tells_nothing_of_the_image(world, work, method):
    key, right = world.values["key"], world.values["token"]
    client = world.app.test_client()

    def ask(name, token):
        return lambda: client.open(f"/d/{name}/{token}", method=method)

    wrong = ("A" * 32, right[:-1] + ("A" if right[-1] != "A" else "B"), right.swapcase(), right[:-1], "x")
    assert same(work, ask("22222222.png", right), *(ask(key, token) for token in wrong)) == 404
    # A number before the token asks for more work: as much for what is not there.
    assert same(work, ask("22222222.png", f"2-{right}"), ask(key, f"2-{right}"), ask(key, f"9-{right}")) == 404
    world.parts.uploads.delete(key)
    assert same(work, ask("22222222.png", "A" * 32), ask(key, "A" * 32)) == 404


def test_what_is_gone_is_as_what_never_was(world, work):
    key, client = world.values["key"], world.app.test_client()
    share = world.values["share_key"]
    world.parts.uploads.delete(key)
    world.parts.catalog.albums.unshare(int(world.values["album_id"]))

    for path in ("/{}", "/v/{}"):
        never, gone = path.format("22222222.png"), path.format(key)
        assert same(work, lambda at=never: client.get(at), lambda at=gone: client.get(at)) == 404
    album = tokens.new_share_key()
    assert same(work, lambda: client.get(f"/a/{album}"), lambda: client.get(f"/a/{share}")) == 404


def test_an_upload_of_another_token_is_as_none(world, work):
    """That of the owner, for a token that may only upload: begun, looked up, edited, deleted."""
    client, head = world.app.test_client(), {"Authorization": f"Bearer {UPLOADER}", **TUS}
    begun = world.values["id_"]
    never = begun[:-1] + ("a" if begun[-1] != "a" else "b")

    client.get("/api/uploads", headers=head)  # its first use in a minute is written down

    for method in ("GET", "HEAD", "DELETE", "PATCH"):
        more = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"} if method == "PATCH" else {}

        def ask(name, method=method, more=more):
            return lambda: client.open(f"/api/tus/{name}", method=method, headers={**head, **more})

        assert same(work, ask(never), ask(begun)) == 404
    for method in ("GET", "PATCH", "DELETE"):

        def look(name, method=method):
            return lambda: client.open(f"/api/uploads/{name}", method=method, headers=head, json={"title": "x"})

        assert same(work, look("22222222.png"), look(world.values["key"])) == 403
    assert OWNER not in str(world.kept())
