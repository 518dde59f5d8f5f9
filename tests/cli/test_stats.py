"""`bowerbird stats`: what is stored and what it costs, for people and for machines."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from app.cli import cli
from tests.test_uploads import House


@pytest.fixture
def house(make_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path / "data"))
    made = House(make_settings())
    made.send()
    made.catalog.transactions.add({"A": 1200, "B": 3500}, day=datetime.now(UTC).date())
    yield made
    made.close()


def test_people_read_lines(house):
    result = CliRunner().invoke(cli, ["stats"])

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("stored       1 objects, 0.000 GB of 10 GB")
    assert lines[1] == "thumbnails   1 are still to be made"
    assert lines[2] == "class A      1,200 today, 1,200 this month (free)"
    assert lines[3].startswith("class B      3,500 today")
    assert lines[5].startswith("this month   $0.0")


def test_machines_read_json(house):
    found = json.loads(CliRunner().invoke(cli, ["stats", "--json"]).stdout)

    assert (found["stored"], found["today"]) == (1, {"A": 1200, "B": 3500, "C": 0})
    assert found["total"] == sum(found["bill"].values()) > 0


def test_uploads_are_told_by_day_type_and_token(house):
    def run(*words):
        return CliRunner().invoke(cli, ["stats", *words])

    size = house.catalog.tallies.stored().size
    by_day = run("--by", "day", "--days", "3660").stdout.splitlines()

    assert run("--by", "type", "--csv").stdout_bytes == f"type,uploads,bytes\r\nimage/png,1,{size}\r\n".encode()
    assert json.loads(run("--by", "token", "--json").stdout) == [{"name": "t", "count": 1, "size": size}]
    assert len(by_day) == 3660 and sum(" 1  " in line for line in by_day) == 1
    assert (run("--csv").exit_code, run("--by", "owner").exit_code, run("--days", "3661").exit_code) == (2, 2, 2)
