"""A house to import into, and files to import."""

import pytest

from app.importing.run import Deed, Importing
from tests import samples
from tests.test_uploads import House


@pytest.fixture
def house(make_settings):
    made = House(make_settings())
    yield made
    made.close()


@pytest.fixture
def take(house, make_settings):
    """Import a source and return the outcomes; `trial` looks only."""

    def take(source, trial=False, **options):
        importing = Importing(make_settings(), house.catalog, house.uploads, sleep=lambda _: None, **options)
        return list(importing.run(source, is_trial=trial))

    return take


@pytest.fixture
def row_of(house):
    """The upload that became of what an outcome tells."""
    return lambda outcome: house.catalog.uploads.get(outcome.key)


@pytest.fixture
def folder(tmp_path):
    """A folder, and how to put pictures into it."""
    root = tmp_path / "pictures"
    root.mkdir()

    def put(name, seed=1, data=None):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(samples.make("png", 8, 8, seed=seed) if data is None else data)
        return path

    put.root = root
    return put


def counts(outcomes):
    """How often each deed was done: taken, known, left out, refused."""
    return tuple(sum(one.deed is deed for one in outcomes) for deed in Deed)
