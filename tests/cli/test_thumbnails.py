"""`bowerbird thumbnails`: which are made anew."""

import pytest
from click.testing import CliRunner

from app.cli import cli
from tests import samples
from tests.test_uploads import House


@pytest.fixture
def house(make_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path / "data"))
    made = House(make_settings())
    yield made
    made.close()


def test_those_that_failed_are_made_anew_or_all(house):
    good, bad = (house.send(samples.make("png", seed=seed)).key for seed in range(2))
    house.thumbnails.make()
    house.catalog.thumbnails.failed(house.catalog.uploads.get(bad), "no", is_over=True)

    some, everyone = (CliRunner().invoke(cli, ["thumbnails", *options]) for options in ((), ("--all",)))

    assert (some.stdout, everyone.stdout) == ("1 are to be made\n", "2 are to be made\n")
    assert house.catalog.jobs.queued(now=house.clock()).undrawn == 2
    assert house.catalog.uploads.get(good).blurhash is None
