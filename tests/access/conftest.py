"""A server with something of everything in it, and every route that it has."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import tokens
from tests import samples
from tests.conftest import OWNER

CHANGES = ("POST", "PUT", "PATCH", "DELETE")
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class World:
    """An app, its owner's browser, the CSRF token of its pages, and what stands for the variables of a route."""

    app: Flask
    owner: FlaskClient
    csrf: str
    values: dict[str, str]

    @property
    def parts(self) -> Any:
        return self.app.extensions["bowerbird"]

    def routes(self, *methods: str) -> Iterator[tuple[str, str, str]]:
        """Yield endpoint, method and path of every route that takes one of `methods`."""
        build = self.app.url_map.bind("127.0.0.1").build
        for rule in self.app.url_map.iter_rules():
            names = {name: self._value(rule.endpoint, name) for name in rule.arguments}
            for method in sorted((rule.methods or set()) & set(methods)):
                yield rule.endpoint, method, build(rule.endpoint, names, method=method)

    def kept(self) -> tuple[list[str], list[str]]:
        """Return all that the catalog and the data folder hold."""
        folder = self.parts.settings.data_dir
        with sqlite3.connect(folder / "catalog.sqlite3") as catalog:
            rows = list(catalog.iterdump())
        catalog.close()
        return rows, sorted(str(path) for path in folder.rglob("*") if "sqlite3" not in path.name)

    def _value(self, endpoint: str, name: str) -> str:
        return self.values.get(f"{endpoint}.{name}") or self.values[name]


@pytest.fixture
def make_world(make_app: Callable[..., Flask]) -> Callable[..., World]:
    def make(**settings: Any) -> World:
        app = make_app(view_pages=True, **settings)
        parts, owner = app.extensions["bowerbird"], app.test_client()
        owner.post("/login", data={"token": OWNER})
        session = next(cookie for cookie in ("bowerbird", "__Host-bowerbird") if owner.get_cookie(cookie))
        csrf = tokens.csrf_token(parts.secret, owner.get_cookie(session).value)
        signed = {"X-CSRF-Token": csrf}
        key = owner.post("/api/upload", data=samples.make("png"), headers=signed).json["key"]
        begun = owner.post("/api/tus", headers={**signed, **TUS, "Upload-Length": "9"})
        album = parts.catalog.albums.make("Trip", now=parts.uploads.clock())
        parts.catalog.albums.put_in(album.id, [key])
        share = tokens.new_share_key()
        parts.catalog.albums.share(album.id, share, until=None)
        values = {
            "key": key, "name": "flameshot", "album_id": str(album.id), "share_key": share, "filename": "app.js",
            "token": parts.uploads.deletion_token(key, 1), "id_": begun.headers["Location"].rpartition("/")[2],
            "ticket": "none", "version": "0", "installable.show_shell.name": "upload",
            "objects.serve_probe.key": f"doctor-{'a' * 24}.png",
            "objects.serve_thumbnail.key": f"t/{key[:-3]}webp",
        }  # fmt: skip
        return World(app, owner, csrf, values)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
