"""`bowerbird jobs`: for people and for machines."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from app.cli import cli
from tests.test_uploads import House


@pytest.fixture
def house(make_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path / "data"))
    made = House(make_settings())
    yield made
    made.close()


def run(*words):
    return CliRunner().invoke(cli, ["jobs", *words]).stdout


def test_people_read_lines(house):
    key = house.send().key
    house.catalog.thumbnails.failed(house.catalog.uploads.get(key), "cut off", is_over=True)
    house.send(key="again")
    house.catalog.jobs.failed("deletions", "the store is gone", now=house.clock())
    house.catalog.jobs.succeeded("expiry", now=house.clock() - timedelta(hours=1))

    lines = run().splitlines()

    assert lines[0] == "worker        none works: bowerbird worker"
    assert lines[1] == "thumbnails    1 waiting, 1 given up, never done yet"
    assert "deletions     0 waiting, never done yet, failed (1 in a row): the store is gone" in lines
    assert "expiry        0 waiting, last done 2026-11-23 11:00 UTC" in lines
    assert lines[-1] == f"  {key}: cut off"


def test_machines_read_json(house):
    house.catalog.jobs.succeeded("expiry", now=house.clock())

    found = json.loads(run("--json"))

    states = {one["name"]: one for one in found["jobs"]}
    assert states["expiry"]["succeeded_at"] == "2026-11-23T12:00:00+00:00"
    assert (found["worker_age_s"], found["damaged"]) == (None, {})
