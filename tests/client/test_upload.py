"""`bowerbird upload` against a real server: what it takes, what it prints, what it refuses."""

import json
import os
import socket
import tempfile
import threading
from contextlib import closing
from types import SimpleNamespace

import pytest

from app.client.sources import opened
from app.errors import Refused
from tests import samples
from tests.client.asking import content, uploads
from tests.importing.web import serve


def test_it_works(run, server, png):
    image = png()

    done = run("upload", image)

    assert (done.status, len(done.lines)) == (0, 1)
    assert content(done.lines[0])[:4] == b"\x89PNG"
    assert "1 of 1: " in done.err


def test_addresses_come_in_the_order_of_the_arguments_and_a_refusal_ends_nothing(run, server, png, home):
    (home / "notes.txt").write_text("no image")
    images = [png(f"{number}.png") for number in (3, 1, 2)]

    done = run("upload", images[0], "notes.txt", images[1], "missing.png", images[2])

    found = uploads(server)
    assert done.status == 1
    assert [found[url]["file_name"] for url in done.lines] == ["3.png", "1.png", "2.png"]
    assert "bowerbird: notes.txt: text/plain is not taken; send PNG" in done.err
    assert "bowerbird: missing.png: there is no such file" in done.err


NAMES = {
    'a "quoted" name.png': 'a "quoted" name.png',
    "two\nlines.png": "twolines.png",
    "ünï 日本 👾.png": "ünï 日本 👾.png",
    "a;b=c,d&e+f%41.png": "a;b=c,d&e+f%41.png",
    "[red]x[red].png": "[red]x[red].png",
    os.fsdecode(b"\xff.png"): "?.png",
}


def test_any_name_arrives_as_it_can_be_shown(run, server, png):
    done = run("upload", *[png(name) for name in NAMES])

    found = uploads(server)
    assert [found[url]["file_name"] for url in done.lines] == list(NAMES.values())


def test_what_is_asked_for_beside_it_arrives(run, server, png):
    done = run(
        *(
            "upload",
            png(),
            "--title",
            'Ünï "x"',
            "--tag",
            "sea",
            "--tag",
            "at home",
            "--expires",
            "1h",
            "--keep-metadata",
        )
    )

    told = uploads(server)[done.lines[0]]
    assert (told["title"], sorted(told["tags"])) == ('Ünï "x"', ["at home", "sea"])
    assert told["expires_at"]


def test_json_tells_what_the_server_tells_one_line_for_each(run, server, png, home):
    (home / "notes.txt").write_text("no image")

    done = run("upload", "--json", png("a.png"), "notes.txt")

    first, second = map(json.loads, done.lines)
    assert first["file"].endswith("a.png")
    assert first.keys() >= {"url", "deletion_url", "sha256"}
    assert (second["file"], second["code"]) == ("notes.txt", "unsupported_type")


@pytest.mark.parametrize(
    ("form", "begin"), [("markdown", "![](http"), ("bbcode", "[img]http"), ("html", '<img src="http')]
)
def test_addresses_are_printed_in_the_forms_they_are_pasted_in(run, server, png, form, begin):
    assert run("upload", png(), "--format", form).out.startswith(begin)


def test_standard_input_is_a_file_with_a_name(run, server):
    done = run("upload", "-", "--name", "piped.png", stdin=samples.make("png", 9, 9, seed=4711))

    assert uploads(server)[done.lines[0]]["file_name"] == "piped.png"


def test_what_has_no_room_here_is_told(run, server, monkeypatch, home):
    nowhere = SimpleNamespace(TemporaryDirectory=lambda prefix: tempfile.TemporaryDirectory(dir=home / "nowhere"))
    monkeypatch.setattr("app.client.sending.tempfile", nowhere)

    assert "x.png: it cannot be kept on this disk meanwhile: No such file" in run("upload", "-", "--name", "x.png").err


def test_patterns_and_folders_are_looked_through_in_order(run, server, png, home):
    for name in ("in/b.png", "in/a.png", "in/deep/c.JPG", "in/.hidden.png", "in/x.png.part", "out [1].png", "out2.png"):
        png(name)
    (home / "in" / "notes.txt").write_text("no image")

    done = run("upload", "out*.png", "-r", "in")

    found = uploads(server)
    assert [found[url]["file_name"] for url in done.lines] == ["out [1].png", "out2.png", "a.png", "b.png", "c.JPG"]
    assert run("upload", "out [1].png").status == 0  # a name is taken for a pattern only if there is no such file


@pytest.fixture
def odd(home, png):
    """A folder with what cannot be uploaded."""
    (home / "folder").mkdir()
    (home / "empty.png").touch()
    os.mkfifo(home / "pipe.png")
    with closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.bind("socket.png")
    png("taken.png")


REFUSED = {
    "missing.png": "there is no such file",
    "folder": "it is a folder; -r uploads what is in it",
    "*.gif": "no file matches",
    "fold*": "only folders match; -r uploads what is in them",
    "empty.png": "the file is empty",
    "pipe.png": "it is a pipe; give what comes out of it on standard input: bowerbird upload - < PIPE",
    "socket.png": "it is a device or a socket, not a file",
    "taken.png/x.png": "it cannot be read: Not a directory",
}


def test_what_is_no_file_is_told_by_name_and_nothing_is_sent(run, odd, server):
    before = uploads(server)

    done = run("upload", *REFUSED)

    assert (done.status, done.out) == (1, "")
    assert sorted(done.err.splitlines()) == sorted(f"bowerbird: {name}: {why}" for name, why in REFUSED.items())
    assert uploads(server).keys() == before.keys()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give files to upload"),
        (["a.png", "--watch", "."], "a folder to --watch alone"),
        (["-", "-"], "only once"),
        (["a.png", "--name", "b"], "give - too"),
        (["a.png", "--expires", "soon"], "'soon'"),
        (["a.png", "--jobs", "99"], "99"),
        (["a.png", "--token", "x"], "No such option"),
        (["a.png", "--profile", "nobody"], "there is no profile 'nobody'"),
    ],
)
def test_wrong_usage_is_told_with_status_2(run, server, words, told):
    done = run("upload", *words)

    assert (done.status, done.out) == (2, "")
    assert told in done.err


def test_an_address_is_fetched_by_this_machine_and_the_token_stays_here(run, server):
    with serve() as (site, url):
        site.put("/a%20b.png", (302, {"Location": "/there.png"}, b""))
        site.put("/there.png", (200, {}, samples.make("png", 9, 9, seed=4712)))

        given = (f"{url}/a%20b.png", "file:///etc/passwd", f"{url}/nothing", "http://[")
        done = run("upload", *(f"--url={one}" for one in given))

    assert uploads(server)[done.lines[0]]["file_name"] == "a b.png"
    assert (done.status, len(done.lines)) == (1, 1)
    assert "file:///etc/passwd: it is no http or https address" in done.err
    assert "/nothing: the server answered 404" in done.err
    assert "http://[: it is no address" in done.err


def test_a_file_that_changes_while_it_is_sent_is_not_kept(run, server, home, monkeypatch):
    image = home / "growing.png"
    image.write_bytes(samples.make("png", seed=4713) + bytes(3 * 1024 * 1024))
    before = uploads(server)
    was_read = threading.Event()

    class Growing:
        def __init__(self, file):
            self._file = file

        def __getattr__(self, name):
            return getattr(self._file, name)

        def read(self, count):
            if not was_read.is_set():
                was_read.set()
                with image.open("ab") as more:
                    more.write(b"x")
            return self._file.read(count)

    real = os.fdopen
    monkeypatch.setattr("app.client.sources.os.fdopen", lambda *given: _Wrapped(real(*given), Growing))
    done = run("upload", image)

    assert was_read.is_set()
    assert (done.status, done.out) == (1, "")
    assert "growing.png: it was changed while it was sent; nothing of it was kept" in done.err
    assert uploads(server).keys() == before.keys()


class _Wrapped:
    def __init__(self, file, kind):
        self._file, self._kind = file, kind

    def __enter__(self):
        return self._kind(self._file.__enter__())

    def __exit__(self, *error):
        return self._file.__exit__(*error)


def test_a_file_that_became_shorter_is_noticed(home):
    image = home / "a.png"
    image.write_bytes(b"12345")
    with opened(image) as file:
        image.write_bytes(b"123")
        with pytest.raises(Refused, match="was changed"):
            file.check()


def test_a_qr_code_and_a_copy_leave_stdout_alone(run, server, png, monkeypatch):
    copied = []
    monkeypatch.setattr("pyperclip.copy", copied.append)

    done = run("upload", "--qr", "--copy", png("a.png"), png("b.png"))

    assert len(done.lines) == 2
    assert copied == ["\n".join(done.lines)]
    assert "█" in done.err
