"""A whole server over one pair of store and database, each part of which can be killed and comes back."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from app.catalog import Catalog
from tests import redis_server
from tests.b2 import B2, Fault
from tests.conftest import Server, start_server
from tests.postgres import Postgres

from .judge import Verdict, in_b2, in_folder, judge
from .readiness import Readiness
from .sender import Acknowledged, Ledger, Sender

STARTS_S = 60  # until a server is back whose address or database may still be in use
_SETTLES_S = 240  # what a dead process had sent to a bucket may arrive two minutes later, and is waited for

# A writer that is killed in the midst of its transaction, as another program on the same file may be.
_LOCK = """
import sqlite3, sys, time
catalog = sqlite3.connect(sys.argv[1], isolation_level=None)
while True:
    try:
        catalog.execute("BEGIN IMMEDIATE")
        break
    except sqlite3.OperationalError:
        time.sleep(0.01)
catalog.execute("UPDATE uploads SET state = 'deleted'")
print("locked", flush=True)
time.sleep(600)
"""


class Tree:
    """One server, its database and its store; what is killed is counted in `kills`."""

    def __init__(self, folder: Path, *, store: str, database: str, seed: int = 0, with_redis: bool = False) -> None:
        self.kills: Counter[str] = Counter()
        self.ledger = Ledger()
        self._random = random.Random(seed)
        self._ending = ExitStack()
        self._postgres = Postgres() if database == "postgresql" else None
        self.b2: B2 | None = None
        settings = {}
        if self._postgres:
            self._ending.callback(self._postgres.stop)
            settings["database_url"] = self._postgres.start().url
        if store == "s3":
            self.b2 = self._ending.enter_context(B2())
            settings |= _of(self.b2)
        if with_redis:
            settings["redis_url"], self.redis = self._ending.enter_context(redis_server.server())
        self.data_dir = folder / "data"
        self.server: Server = start_server(self.data_dir, **settings)
        self._ending.callback(self._end_server)
        self.database_url = settings.get("database_url") or f"sqlite:///{self.data_dir / 'catalog.sqlite3'}"
        self.readiness = Readiness(self.server.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def sender(self) -> Sender:
        """Return a client of the server."""
        return Sender(self.server.host, self.server.port, self.server.token, self.ledger)

    @property
    def victims(self) -> dict[str, Callable[[], None]]:
        """What can be killed, and how."""
        store = {"store": self._trouble_store} if self.b2 else {}
        database = self._kill_postgres if self._postgres else self._kill_sqlite_writer
        return {
            "web": self._kill_web,
            "jobs": self._kill_jobs,
            "database": database,
            "master": self._kill_master,
            "all": self._kill_all,
            **store,
        }

    def kill(self, victim: str) -> None:
        """Kill it with SIGKILL, and bring it back where nobody else does."""
        self.victims[victim]()
        self.kills[victim] += 1

    def settle(self) -> None:
        """Let upkeep and comparison take away what the faults have left; raise TimeoutError if something stays."""
        ends_at = time.monotonic() + _SETTLES_S
        while "left for later 0" not in (told := self._reconcile()):
            if time.monotonic() > ends_at:
                raise TimeoutError(told)
            time.sleep(1)
        self._reconcile()  # what the first was the reason of

    def judge(self, acknowledged: list[Acknowledged] | None = None) -> Verdict:
        """Return the verdict over all that was acknowledged, or over these."""
        catalog = Catalog(self.database_url)
        bucket = in_b2(self.b2) if self.b2 else in_folder(self.data_dir)
        try:
            told = self.ledger.acknowledged if acknowledged is None else acknowledged
            return judge(told, catalog, bucket, self.data_dir)
        finally:
            catalog.close()

    def _reconcile(self) -> str:
        command = [sys.executable, "-m", "app.cli", "reconcile", "--grace", "0"]
        done = subprocess.run(command, env=self.server.environment, capture_output=True, text=True, check=True)
        return done.stdout

    def _kill_web(self) -> None:
        if workers := self.server.workers():
            _kill(self._random.choice(workers))

    def _kill_jobs(self) -> None:
        if (worker := self.server.upkeep()) is not None:
            _kill(worker)

    def _kill_postgres(self) -> None:
        assert self._postgres
        self._postgres.kill()
        with self.readiness.outage():
            time.sleep(self._random.uniform(0.2, 3))
        self._start_postgres()

    def _start_postgres(self) -> None:
        assert self._postgres
        ends_at = time.monotonic() + STARTS_S
        while True:
            try:
                self._postgres.start()
                return
            except subprocess.CalledProcessError:  # the memory of the dead one is still in use
                if time.monotonic() > ends_at:
                    raise

    def _kill_sqlite_writer(self) -> None:
        command = [sys.executable, "-c", _LOCK, str(self.data_dir / "catalog.sqlite3")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout and writer.stdout.readline() == b"locked\n"
            time.sleep(self._random.choice((0.5, 1, 2, 8)))  # the last is longer than anybody waits
            writer.kill()

    def _kill_master(self) -> None:
        _kill(self.server.process.pid)
        self._restart()

    def _kill_all(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.server.process.pid, signal.SIGKILL)
        self._restart()

    def _trouble_store(self) -> None:
        assert self.b2
        kind = self._random.choice(("503", "500", "reset", "lost", "lie", "html", "slow"))
        self.b2.faults.add(Fault(kind, times=self._random.randint(1, 30)))

    def _restart(self) -> None:
        self.server.process.wait()
        if self.server.process.stdout:
            self.server.process.stdout.close()
        ends_at = time.monotonic() + STARTS_S
        while True:
            try:
                self.server.restart()
                return
            except RuntimeError:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(0.3)

    def _end_server(self) -> None:
        if self.server.process.poll() is None:
            self.server.kill()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _of(b2: B2) -> dict[str, str]:
    """Return the settings of a server over this bucket, whose images are read where B2 serves them."""
    return {
        "store": "s3",
        "s3_endpoint": b2.endpoint,
        "s3_region": b2.region,
        "s3_bucket": b2.bucket,
        "s3_access_key_id": b2.key.access_key_id,
        "s3_secret_access_key": b2.key.secret_access_key,
        "public_url": f"{b2.friendly}/file/{b2.bucket}",
    }
