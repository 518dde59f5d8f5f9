"""The catalog's tests run on every database there is; each has one of its own, a copy of one whose tables were made."""

import shutil
from itertools import count

import psycopg
import pytest

from app.catalog import Catalog
from tests import postgres
from tests.programs import missing

_number = count()


@pytest.fixture(scope="session")
def postgres_url():
    with postgres.server() as url:
        yield url


def _make(server, name, template="template0"):
    """Make a database on a PostgreSQL server and return its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def postgres_tables(postgres_url):
    """The name of a database with the tables and nothing in them."""
    catalog = Catalog(_make(postgres_url, "tables"))
    catalog.upgrade()
    catalog.close()
    return "tables"


@pytest.fixture(autouse=True)
def tables_are_copied():
    """Not here: what brings the tables up to date is itself what is tested."""


@pytest.fixture(params=["sqlite"] if "postgres" in missing() else ["sqlite", "postgresql"])
def kind(request):
    return request.param


@pytest.fixture
def url(kind, request, tmp_path):
    """An empty database."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.sqlite3'}"
    return _make(request.getfixturevalue("postgres_url"), f"t{next(_number)}")


@pytest.fixture
def catalog_url(kind, request, tmp_path):
    """A database whose tables are up to date."""
    if kind == "sqlite":
        path = tmp_path / "catalog.sqlite3"
        shutil.copy(request.getfixturevalue("made_tables"), path)
        return f"sqlite:///{path}"
    template = request.getfixturevalue("postgres_tables")
    return _make(request.getfixturevalue("postgres_url"), f"t{next(_number)}", template)


@pytest.fixture
def catalog(catalog_url):
    catalog = Catalog(catalog_url)
    yield catalog
    catalog.close()
