"""Large files: in parts, on from where the server is, in a later run too; at once where a server takes no parts."""

import io
import os
import threading
from itertools import cycle

import pytest
from PIL import Image

from app.client.api import Answer
from app.client.retry import Patience
from app.client.sources import opened
from app.client.state import Unfinished, folder
from app.client.tus import FROM_BYTES, Resumable
from app.errors import Unavailable
from tests.client.asking import content, uploads
from tests.client.relay import bad_line


@pytest.fixture(scope="module")
def noise():
    """An image of 18 MB, which no compression makes smaller."""
    file = io.BytesIO()
    side = 2450
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(file, "PNG", compress_level=0)
    return file.getvalue()


@pytest.fixture
def large(home, noise):
    path = home / "large.png"
    path.write_bytes(noise)
    return path


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(Patience, "pauses", lambda self: iter([0.01] * 8))


def methods(relay):
    return [one.split("/api/")[0].strip() for one in relay.asked]


def test_it_goes_in_parts_and_on_from_where_the_server_is(run, server, large, noise, monkeypatch):
    faults = cycle(["503", None, "cut", "lost", "half", "reset", None, "unheard", "502"])
    with bad_line(server.port, lambda _: next(faults)) as (relay, url):
        monkeypatch.setenv("BOWERBIRD_URL", url)
        done = run("upload", large, "--title", "Ünï")

    assert done.status == 0, done.err
    assert content(done.lines[0]) == noise
    told = uploads(server)[done.lines[0]]
    assert (told["file_name"], told["title"]) == ("large.png", "Ünï")
    assert {"POST", "PATCH", "HEAD", "GET"} == set(methods(relay))
    assert not list((folder() / "unfinished").glob("*"))


def test_a_later_run_goes_on_with_it(run, server, large, noise, monkeypatch):
    with bad_line(server.port, lambda number: "503" if number > 2 else None) as (_, url):
        monkeypatch.setenv("BOWERBIRD_URL", url)
        assert run("upload", large).status == 1
    with bad_line(server.port, lambda _: None) as (relay, url):
        [kept] = (folder() / "unfinished").iterdir()
        monkeypatch.setattr("app.client.tus.digest", lambda *_: kept.name)  # the same server, at another port
        monkeypatch.setenv("BOWERBIRD_URL", url)
        done = run("upload", large)

    assert content(done.lines[0]) == noise
    assert methods(relay) == ["HEAD", "PATCH", "GET"]


def test_what_the_server_forgot_begins_anew(run, server, large, noise, monkeypatch):
    (folder() / "unfinished").mkdir(parents=True)
    (folder() / "unfinished" / "name").write_text("/api/tus/0123456789abcdef0123456789abcdef")
    monkeypatch.setattr("app.client.tus.digest", lambda *_: "name")

    done = run("upload", large)

    assert "it begins anew" in done.err
    assert content(done.lines[0]) == noise


@pytest.mark.parametrize("status", [204, 409])
def test_a_server_that_takes_nothing_is_given_up(home, large, status):
    class Stubborn:
        url, asked = "http://127.0.0.1:1", 0

        def ask(self, method, path, **_):
            self.asked += 1
            assert self.asked < 100
            if method == "POST":
                return Answer(201, {"Location": "/api/tus/1"}, {})
            return Answer(status if method == "PATCH" else 200, {"Upload-Offset": "0"}, {})

    sending = Resumable(Stubborn(), Patience(threading.Event()), Unfinished())
    with opened(large) as file, pytest.raises(Unavailable, match="taken nothing"):
        sending.upload(file, None, {}, at=lambda _: None, tell=lambda _: None)


def test_a_refusal_is_told_and_nothing_of_it_is_tried_again(run, server, home):
    (home / "large.txt").write_bytes(b"no image" * (FROM_BYTES // 8 + 1))

    done = run("upload", "large.txt")

    assert (done.status, done.out) == (1, "")
    assert "large.txt: text/plain is not taken; send PNG" in done.err
    assert not list((folder() / "unfinished").glob("*"))


def test_a_server_that_takes_no_parts_gets_it_at_once(run, server, large, noise, monkeypatch):
    with bad_line(server.port, lambda number: "404" if number == 1 else None) as (relay, url):
        monkeypatch.setenv("BOWERBIRD_URL", url)
        done = run("upload", "--jobs", "1", large, large)

    assert [content(line) == noise for line in done.lines] == [True, True]
    assert relay.asked == ["POST /api/tus", "POST /api/upload", "POST /api/upload"]
