"""One machine that is all there is: the app serves what the doctor puts into its folder."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from app.doctor import Finding, examine
from app.keys import new_probe
from app.settings import Settings, load
from tests.conftest import Server, start_server
from tests.doctor.wrong import Changes


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_server(tmp_path_factory.mktemp("embedded") / "data")
    yield server
    server.kill()


@pytest.fixture
def server(_server: Server) -> Server:
    """A server that keeps nothing: each test leaves it so."""
    assert left(_server) == ([], [])
    return _server


def left(server: Server) -> tuple[list, list]:
    """Return the rows and the files that are there."""
    with sqlite3.connect(server.data_dir / "catalog.sqlite3") as connection:
        rows = connection.execute("SELECT key FROM uploads").fetchall()
    return rows, [path for path in (server.data_dir / "objects").rglob("*") if path.is_file()]


def settings_of(server: Server, **changes: Any) -> Settings:
    return load(_env_file=None, data_dir=server.data_dir, bind=f"127.0.0.1:{server.port}", **changes)


def visit(server: Server, **changes: Any) -> dict[str, Finding]:
    return {one.check: one for one in examine(settings_of(server, **changes))}


def test_a_running_server_is_green_and_nothing_is_left(server: Server) -> None:

    found = visit(server)

    assert [one for one in found.values() if one.level != "ok"] == []
    assert left(server) == ([], [])


def test_a_visit_that_is_broken_off_leaves_nothing(server: Server) -> None:
    findings = examine(settings_of(server))
    while next(findings).check != "folder":
        pass
    assert [len(one) for one in left(server)] == [0, 1]

    findings.close()

    assert left(server) == ([], [])


def test_the_picture_is_in_no_row_so_nobody_lists_it(server: Server) -> None:
    findings = examine(settings_of(server))

    rows = [left(server)[0] for _ in findings]

    assert len(rows) > 15
    assert not any(rows)


@pytest.mark.parametrize("ending", [".png", ""])
def test_what_a_killed_doctor_left_is_no_upload_and_goes_by_reconcile(server: Server, ending: str) -> None:
    key = new_probe(ending)
    path = server.data_dir / "objects" / key[:2] / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left")

    assert "found 0, orphans 0" in server.run("reconcile")
    assert path.exists()
    server.run("reconcile", "--grace", "0")
    assert left(server) == ([], [])


def _no_policy(headers: dict[str, str], body: bytes) -> bytes:
    headers.pop("content-security-policy", None)
    return body


def _kept(headers: dict[str, str], body: bytes) -> bytes:
    headers["cache-control"] = "public, max-age=60"
    return body


@pytest.mark.parametrize(
    ("change", "check", "word"),
    [(_no_policy, "public security headers", "Content-Security-Policy"), (_kept, "public errors", "max-age=60")],
)
def test_a_proxy_that_changes_answers_is_found(server: Server, change, check: str, word: str) -> None:
    with Changes(("127.0.0.1", server.port), change) as proxy:
        found = visit(server, public_url=proxy.url)

    first = next(one for one in found.values() if one.level != "ok")
    assert (first.check, first.level, word in first.seen) == (check, "fail", True)
    assert left(server) == ([], [])


def test_a_cache_before_the_app_is_found_by_what_was_deleted(server: Server) -> None:
    kept: dict[str, Any] = {}

    def keep(headers: dict[str, str], body: bytes) -> bytes:
        if headers["content-type"] == "image/png":
            kept.update(body=body, **headers)
        return body

    with Changes(("127.0.0.1", server.port), keep) as proxy:
        handle = proxy.handle

        def answer(request) -> None:
            is_kept = kept and request.path.endswith(".png")
            return request.say(200, kept["body"], "image/png") if is_kept else handle(request)

        proxy.handle = answer  # type: ignore[method-assign]
        found = visit(server, public_url=proxy.url)

    assert (found["deletion"].level, "still shows" in found["deletion"].seen) == ("warn", True)
