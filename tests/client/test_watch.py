"""`bowerbird upload --watch`: what appears in a folder is there once, whatever happens meanwhile."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from app.client.once import AGAIN_S, follow
from app.client.sending import Outcome
from app.client.sources import Source
from app.client.watch import LOOK_S, OPEN_S, QUIET_S, UNTOLD_S, Folder
from app.errors import Unavailable
from tests import samples
from tests.client.asking import uploads
from tests.client.relay import bad_line
from tests.conftest import UPLOADER


@contextmanager
def watching(folder, url, *words):
    """Watch a folder in a program of its own; yield the addresses that it prints, and how to wait for some of them."""
    environment = {**os.environ, "BOWERBIRD_URL": url, "BOWERBIRD_TOKEN": UPLOADER}
    command = [sys.executable, "-m", "app.cli", "upload", "--watch", str(folder), *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=environment, **pipes)
    lines, told, come = [], [], threading.Condition()

    def read(pipe, into):
        for line in pipe:
            with come:
                into.append(line.strip())
                come.notify_all()

    threads = [threading.Thread(target=read, args=pair) for pair in ((process.stdout, lines), (process.stderr, told))]
    for thread in threads:
        thread.start()

    def wait(is_so):
        with come:
            assert come.wait_for(lambda: is_so(lines, told), 120), (lines, told)

    try:
        wait(lambda _, told: any(line.startswith("watching") for line in told))
        yield lines, wait
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, told
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        for thread in threads:
            thread.join()
        process.stdout.close()
        process.stderr.close()
    assert told[-1] == f"no longer watching; {len(lines)} uploaded"


def names_of(server, lines):
    found = uploads(server)
    return sorted(found[line]["file_name"] for line in lines)


def test_what_appears_is_uploaded_once_and_a_new_start_repeats_nothing(live_server, home, png):
    folder, elsewhere = home / "shots", home / "elsewhere"
    folder.mkdir()
    png("shots/old.png")
    with watching(folder, live_server.url) as (lines, wait):
        png("shots/written.png")
        png("elsewhere/moved.png").rename(folder / "moved.png")
        png("shots/renamed.png.part").rename(folder / "renamed.png")
        image = samples.make("png", seed=6001)
        with (folder / "slow.png").open("wb") as slow:
            for start in range(0, len(image), 1000):
                slow.write(image[start : start + 1000])
                slow.flush()
                wait(lambda *_: True)
        (folder / "notes.txt").write_text("no image")
        (folder / "broken.png").write_text("no image")
        wait(lambda lines, told: len(lines) == 4 and any("broken.png" in line for line in told))
        (folder / "moved.png").rename(folder / "again.png")
        png("shots/last.png")
        wait(lambda lines, _: len(lines) == 5)
    assert names_of(live_server, lines) == ["last.png", "moved.png", "renamed.png", "slow.png", "written.png"]

    with watching(folder, live_server.url, "--existing") as (lines, wait):
        png("shots/new.png")
        wait(lambda lines, _: len(lines) == 2)
    assert names_of(live_server, lines) == ["new.png", "old.png"]
    assert elsewhere.exists()


def test_it_survives_that_the_server_is_away(live_server, home, png):
    (home / "shots").mkdir()
    faults = {1: "503", 2: "reset", 3: "lost"}
    with bad_line(live_server.port, faults.get) as (_, url), watching(home / "shots", url) as (lines, wait):
        png("shots/a.png")
        wait(lambda lines, _: len(lines) == 1)
    assert names_of(live_server, lines) == ["a.png"]


@pytest.fixture
def folder(home):
    """A folder that is looked at with a clock that stands still unless it is told."""
    made = []

    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    def make(**options):
        (home / "shots").mkdir(exist_ok=True)
        given = {"is_recursive": False, "with_existing": False, "clock": Clock(), "tells_closing": True, **options}
        made.append(Folder(home / "shots", **given))
        made[-1].clock = given["clock"]
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def deaf(monkeypatch):
    """No event comes by itself: the tests tell what happens."""
    monkeypatch.setattr("app.client.watch._Ear.on_any_event", lambda *_: None)


@pytest.mark.usefixtures("deaf")
@pytest.mark.parametrize(
    ("options", "is_open", "quiet_s"),
    [({}, False, QUIET_S), ({}, True, OPEN_S), ({"tells_closing": False}, False, UNTOLD_S)],
)
def test_a_file_is_whole_once_nobody_has_changed_it_for_a_while(folder, png, options, is_open, quiet_s):
    watched = folder(**options)
    path = png("shots/a.png")
    watched.appeared(path)
    watched.opened(path, is_open=is_open)

    watched.clock.now += quiet_s / 2
    assert watched.ready() == []
    with path.open("ab") as file:
        file.write(b"x")
    watched.clock.now += quiet_s / 2 + 0.01
    assert watched.ready() == []
    watched.clock.now += quiet_s
    assert watched.ready() == [path]
    assert watched.ready() == []


@pytest.mark.usefixtures("deaf")
def test_what_was_there_before_is_nobodys_to_publish_even_if_it_is_edited(folder, png):
    path = png("shots/private.png")
    watched = folder()

    path.write_bytes(b"edited")
    watched.changed(path, is_open=False)
    watched.clock.now += 2 * LOOK_S
    assert watched.ready() == []
    watched.clock.now += OPEN_S
    assert watched.ready() == []
    watched.appeared(path)  # somebody put another one in its place
    watched.clock.now += QUIET_S
    assert watched.ready() == [path]


@pytest.mark.usefixtures("deaf")
def test_what_no_event_told_is_found_and_what_was_told_too_early_is_told_again(folder, png, home):
    watched = folder()
    path = png("shots/silent.png")

    watched.clock.now += LOOK_S
    watched.ready()
    watched.clock.now += QUIET_S
    assert watched.ready() == [path]
    path.write_bytes(b"more")
    watched.changed(path, is_open=False)
    watched.clock.now += QUIET_S
    assert watched.ready() == [path]
    watched.again(path, in_s=30)
    watched.clock.now += 30
    assert watched.ready() == []
    watched.clock.now += QUIET_S
    assert watched.ready() == [path]
    (home / "shots").rename(home / "gone")
    watched.clock.now += LOOK_S
    with pytest.raises(Unavailable, match="there is no folder"):
        watched.ready()


@pytest.mark.usefixtures("deaf")
def test_what_the_server_could_not_be_given_for_long_is_given_later(folder, png):
    watched = folder(with_existing=False)
    path = png("shots/a.png")
    watched.appeared(path)
    source, ends = Source("a.png", "a.png", path), []

    class Stop:
        def is_set(self):
            return len(ends) == 3

        def wait(self, _):
            watched.clock.now += AGAIN_S / 4

    class Once:
        def send(self, path):
            ends.append(watched.clock.now)
            is_there = len(ends) == 3
            return Outcome(source, {"url": "http://x"} if is_there else None, None if is_there else Unavailable("away"))

    class Sending:
        def begin(self):
            """The server is asked anew."""

    outcomes = list(follow(watched, Sending(), Once(), Stop(), jobs=1))

    assert [bool(outcome.told) for outcome in outcomes] == [False, False, True]
    assert all(second - first >= AGAIN_S for first, second in pairwise(ends))


def test_a_folder_that_is_not_there_is_told(run, server, home):
    assert "there is no folder nowhere" in run("upload", "--watch", "nowhere").err
    assert not Path("nowhere").exists()
