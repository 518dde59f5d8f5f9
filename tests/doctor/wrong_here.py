"""How the catalog, the data folder and the worker are made wrong: the doctor looks at copies of them."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from app.heartbeat import Heartbeat
from tests.doctor.chain import Chain


def copied(chain: Chain, statement: str = "SELECT 1", *, journal: str = "WAL", writer: int = 0) -> None:
    """Give the doctor a copy of the catalog, changed by SQL; `writer` is the version that its last writer had."""
    folder = chain.folder / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / "catalog.sqlite3"
    source, target = (sqlite3.connect(one) for one in (chain.app.data_dir / "catalog.sqlite3", path))
    source.backup(target)
    target.execute(statement)
    target.commit()
    target.execute(f"PRAGMA journal_mode = {journal}")
    source.close()
    target.close()
    if writer:
        with path.open("r+b") as file:
            file.seek(18)
            file.write(bytes([writer]))
    chain.changes["database_url"] = f"sqlite:///{path}"


def read_only(chain: Chain) -> None:
    # A writer of the future: what it wrote may be read but not written. https://sqlite.org/fileformat.html#ffwfvrn
    copied(chain, writer=3)


def read_only_journal(chain: Chain) -> None:
    copied(chain, journal="DELETE", writer=3)


def revision(name: str) -> Callable[[Chain], None]:
    return lambda chain: copied(chain, f"UPDATE alembic_version SET version_num = '{name}'")


def elsewhere(chain: Chain) -> Path:
    """Give the doctor another data folder over the same catalog."""
    folder = chain.folder / "elsewhere"
    folder.mkdir(exist_ok=True)
    chain.changes["data_dir"] = folder
    chain.changes["database_url"] = f"sqlite:///{chain.app.data_dir / 'catalog.sqlite3'}"
    return folder


def stuck(chain: Chain) -> None:
    folder = elsewhere(chain)
    heart = Heartbeat(folder)
    heart.beat()
    os.utime(folder / "worker.alive", (0, 0))
    chain.stack.callback(heart.stop)
