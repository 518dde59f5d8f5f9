"""`bowerbird reconcile`: what it prints, and what it does where the bucket is another."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from app.catalog.records import State
from app.cli import cli
from tests import samples
from tests.test_uploads import House


@pytest.fixture
def house(make_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path / "data"))
    made = House(make_settings())
    made.clock.now = datetime.now(UTC)  # the command has no other, and the objects' files neither
    yield made
    made.close()


# A command that is killed when its object is written, and has no name yet.
_KILLED = """
import io, os, shutil, signal
from app import settings
from app.cli.wiring import open_catalog, open_jobs
chosen = settings.load()
jobs = open_jobs(chosen, open_catalog(chosen))
shutil.copyfileobj = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
jobs.store.put("k7Wq3Zpx.png", io.BytesIO(b"half"), content_type="image/png")
"""


def reconcile(*options):
    return CliRunner().invoke(cli, ["reconcile", "--grace", "0", *options])


def test_nothing_to_do_is_told_as_that(house):
    house.send()

    result = reconcile()

    assert result.exit_code == 0
    assert result.stdout == (
        "abandoned 0, deleted 0, left for later 0; found 0, orphans 0, without an object 0\ninspected 0\n"
    )


def test_so_many_uploads_without_an_object_need_a_word_before_they_go(house):
    keys = [house.send(samples.make("png", seed=seed)).key for seed in range(12)]
    for key in keys:
        house.store.delete(key)

    refused = reconcile()

    assert refused.exit_code == 1
    assert "12 of 12 uploads have no object" in refused.stderr
    assert "--accept-missing" in refused.stderr
    assert {house.state(key) for key in keys} == {State.LIVE}

    accepted = [reconcile("--accept-missing"), reconcile()]

    assert [result.exit_code for result in accepted] == [0, 0]
    assert "without an object 12\ninspected 12\n" in accepted[0].stdout
    assert "without an object 0\ninspected 0\n" in accepted[1].stdout
    assert {house.state(key) for key in keys} == {State.DELETED}


def test_what_a_killed_command_left_half_written_goes(house, tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", _KILLED], check=False, env=environment)
    left = tmp_path / "data" / "objects" / "tmp"
    assert (killed.returncode, len(list(left.iterdir()))) == (-signal.SIGKILL, 1)

    assert reconcile().exit_code == 0

    assert list(left.iterdir()) == []
