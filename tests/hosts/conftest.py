"""The suite of the API over two hosts: the same tests, whose client goes through nginx to either of them."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from inspect import isfunction, signature
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.keys import PATTERN, THUMBNAIL
from app.settings import load
from app.store.base import ObjectStore
from tests.conftest import Client
from tests.hosts.cluster import Cluster, standing
from tests.programs import missing

_IMAGE = re.compile(rf"/({PATTERN}|{THUMBNAIL})")
BASE_URL = "http://127.0.0.1:8080"  # what the tests of the API take for the server's address
_INSIDE = {"make_app", "make_settings", "monkeypatch", "caplog"}  # of a test that reaches into the app's own process
_OTHERWISE = {
    "test_an_image_is_served_as_the_edge_would": "the bucket's host serves the images",
    "test_ranges_and_revalidation_work": "the bucket's host serves the images",
    "test_a_thumbnail_is_served_as_long_as_its_image": "the bucket's host serves the images",
    "test_nothing_else_is_ever_served": "nginx itself refuses a path that leads out",
    "test_what_is_not_shared_is_as_what_never_was": "nginx itself refuses a path with a NUL in it",
    "test_the_address_stays_and_what_its_owner_gave_it": "the bucket's host tells no ETag",
    "test_what_makes_no_sense_is_not_begun[long metadata]": "nginx itself refuses a header that long",
    "test_an_unfinished_upload_expires_and_is_removed_by_the_worker": "the bytes lie on the disk of one host",
    "test_what_a_checksum_did_not_confirm_before_a_death_does_not_count": "the bytes lie on the disk of one host",
    "test_signing_in_is_limited": "what Redis counts is not shared out among web processes",
}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standing(tmp_path_factory.mktemp("hosts"), BASE_URL) as started:
        yield started


@pytest.fixture(scope="session")
def third(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A third host, in this process, for what tests look up in catalog and bucket; requests go to the other two."""
    folder = tmp_path_factory.mktemp("third")
    app = create_app(load(_env_file=None, data_dir=folder / "data", **cluster.settings))
    app.wsgi_app = _through(cluster)
    app.test_client_class = Client
    yield app
    app.extensions["bowerbird"].close()


@pytest.fixture
def app(cluster: Cluster, third: Flask) -> Flask:
    cluster.reset(third.extensions["bowerbird"].catalog)
    return third


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def _through(cluster: Cluster) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI app that asks nginx, and for an image the bucket's own host, as viewers do."""

    def ask(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = quote(environ["REQUEST_URI"].partition("?")[0], safe="%/:@!$&'()*+,;=~")
        query = quote(environ["QUERY_STRING"], safe="%/:@!$&'()*+,;=~?")
        if _IMAGE.fullmatch(path):
            with closing(HTTPConnection(*cluster.b2.friendly_address)) as connection:
                connection.request("GET", f"/file/{cluster.b2.bucket}{path}")
                image = connection.getresponse()
                start_response(f"{image.status} -", list(image.headers.items()))
                return [image.read()]
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") and name != "HTTP_HOST"
        }
        if environ.get("CONTENT_TYPE"):
            headers["content-type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = cluster.nginx.ask(path + "?" * bool(query) + query, headers, environ["REQUEST_METHOD"], body)
        start_response(f"{answer.status} -", [(n, v) for n, v in answer.headers.items() if n.lower() != "connection"])
        return [answer.body]

    return ask


def pytest_ignore_collect(collection_path: Any) -> bool | None:
    """Leave these tests out where a program is missing that they need; the summary names it."""
    needed = {"nginx", "postgres", "redis-server"}
    return True if collection_path.name.startswith("test_") and needed & missing().keys() else None


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(name: str, obj: Any) -> list[pytest.Item] | None:
    """Leave out the tests that change or read the app's own process; all others run."""
    is_left_out = name in _OTHERWISE or (isfunction(obj) and _INSIDE & signature(obj).parameters.keys())
    return [] if name.startswith("test_") and is_left_out else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out single cases of a test, which had no name before."""
    items[:] = [item for item in items if item.name not in _OTHERWISE or "tests/hosts/" not in item.nodeid]


@pytest.fixture
def store(app: Flask) -> ObjectStore:
    return app.extensions["bowerbird"].store
