"""What is dear and the same in every test is made once: tables, URL rules, templates, the list of CAs."""

import functools
import shutil
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from app.catalog import Catalog


@functools.cache
def empty_catalog() -> bytes:
    """Return an SQLite catalog with the tables and nothing in them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.sqlite3"
        catalog = Catalog(f"sqlite:///{path}")
        catalog.upgrade()
        catalog.close()
        return path.read_bytes()


@pytest.fixture(scope="session")
def made_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite catalog with the tables and nothing in them."""
    path = tmp_path_factory.mktemp("tables") / "catalog.sqlite3"
    path.write_bytes(empty_catalog())
    return path


@pytest.fixture(autouse=True)
def tables_are_copied(made_tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The migrations run once for all tests but those of the catalog: in most they would take longest."""
    upgrade = Catalog.upgrade

    def copy_first(catalog: Catalog, revision: str = "head") -> None:
        path = catalog._database.path
        if revision == "head" and path and not path.exists():
            with suppress(OSError):  # the catalog itself says what is wrong
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(made_tables, path)
        upgrade(catalog, revision)

    monkeypatch.setattr(Catalog, "upgrade", copy_first)


@pytest.fixture(autouse=True, scope="session")
def rules_are_compiled_once() -> Iterator[None]:
    """What Werkzeug compiles for each URL rule depends on nothing but the rule; it is two thirds of making an app."""
    compile_builder = Rule._compile_builder
    known: dict[Any, Callable[..., tuple[str, str]]] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = rule.rule, tuple(rule._trace), append_unknown
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


class _Compiled(BytecodeCache):
    """The templates that were compiled, for all apps of this process."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if known := self._known.get(bucket.key + bucket.checksum):
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


@pytest.fixture(autouse=True, scope="session")
def templates_are_compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Flask.jinja_options, "bytecode_cache", _Compiled())
        yield


@pytest.fixture(autouse=True, scope="session")
def authorities_are_read_once() -> Iterator[None]:
    """Each client of Cloudflare's library reads the list of all CAs, also to talk http; here one read is for all."""
    create = ssl.create_default_context
    read: dict[str, ssl.SSLContext] = {}

    def create_once(*args: Any, **more: Any) -> ssl.SSLContext:
        if args or more.keys() != {"cafile"}:
            return create(*args, **more)
        path = more["cafile"]
        if path not in read:
            read[path] = create(cafile=path)
        return read[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", create_once)
        yield
