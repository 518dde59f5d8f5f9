"""The catalog's tests run on every database there is."""

import pytest
from sqlalchemy import create_engine, text

from app.catalog import Catalog
from tests import postgres
from tests.programs import missing


@pytest.fixture(scope="session")
def postgres_url():
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite"] if "postgres" in missing() else ["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.sqlite3'}"
    found = request.getfixturevalue("postgres_url")
    engine = create_engine(found.replace("postgresql", "postgresql+psycopg", 1))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return found


@pytest.fixture
def catalog(url):
    catalog = Catalog(url)
    catalog.upgrade()
    yield catalog
    catalog.close()
