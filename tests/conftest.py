"""What every test may ask for: settings over an empty folder, the app, and real servers."""

import fcntl
import gc
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from xdist.scheduler import LoadScopeScheduling

from app import create_app, request_ids, tokens
from app.catalog import Catalog
from app.settings import Settings, load
from tests.once import (  # noqa: F401
    authorities_are_read_once,
    empty_catalog,
    made_tables,
    rules_are_compiled_once,
    tables_are_copied,
    templates_are_compiled_once,
)
from tests.programs import missing

OWNER = "bb_owner-token-of-the-tests-0123456789"
UPLOADER = "bb_upload-token-of-the-tests-0123456789"


@pytest.fixture(autouse=True)
def _no_request() -> None:
    """A test begins outside of any request, also where one before it has left one unfinished in this process."""
    request_ids.begin("")


@pytest.fixture(autouse=True)
def _no_real_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the environment it was started in."""
    for name in list(os.environ):
        if name.startswith("BOWERBIRD_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _boundary_of_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Werkzeug's client makes every four-hundredth boundary longer than the 70 characters of RFC 2046."""
    monkeypatch.setattr("werkzeug.test.random", lambda: 0.5)


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings over an empty folder; values may be given."""
    return lambda **values: load(**{"_env_file": None, "data_dir": tmp_path / "data", **values})


class Client(FlaskClient):
    """The test client, which reads every answer to its end as a real one does."""

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> Any:
        return super().open(*args, buffered=buffered, **kwargs)


@pytest.fixture
def make_app(make_settings: Callable[..., Settings]) -> Iterator[Callable[..., Flask]]:
    """The app, with an owner's token and one that may only upload."""

    made: list[Flask] = []

    def make(store: Any = None, **values: Any) -> Flask:
        app = create_app(make_settings(**values), store=store)
        parts = app.extensions["bowerbird"]
        now = parts.uploads.clock()
        parts.catalog.tokens.add("owner", tokens.digest(OWNER), frozenset(tokens.SCOPES), created_at=now)
        parts.catalog.tokens.add("laptop", tokens.digest(UPLOADER), frozenset({"upload"}), created_at=now)
        app.test_client_class = Client
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["bowerbird"].close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@dataclass
class Server:
    """A real server: gunicorn, started by `bowerbird serve`."""

    process: subprocess.Popen[str]
    port: int
    data_dir: Path
    environment: dict[str, str]
    printed: str = ""
    token: str = OWNER
    upload_token: str = UPLOADER
    host: str = "127.0.0.1"
    options: Sequence[str] = ()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    base_url = url

    def run(self, *arguments: str) -> str:
        """Run a `bowerbird` command over this server's data and return what it prints."""
        command = [sys.executable, "-m", "app.cli", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def workers(self) -> list[int]:
        """Return the process ids of the web workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(one) for one in children if not _is_upkeep(int(one))]

    def upkeep(self) -> int | None:
        """Return the process id of the worker for the repeated jobs, once it holds the sign that it lives."""
        with suppress(OSError), (self.data_dir / "worker.alive").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if _is_upkeep(int(child)):
                    return int(child)
        return None

    def kill(self) -> None:
        """End it as a power cut would: the master and all of its children at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def restart(self) -> None:
        """Start what was killed again, with the settings that it had, and wait until it answers."""
        self.process = _start(self.environment, self.data_dir, self.port, self.host, self.options).process

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(40)
        finally:
            if self.process.poll() is None:
                self.kill()
            self.process.stdout.close()


def _is_upkeep(pid: int) -> bool:
    try:
        return "app.cli\0worker" in Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended, or is just ending
        return True


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start_server(
    data_dir: Path,
    port: int | None = None,
    host: str = "127.0.0.1",
    *,
    has_worker: bool = True,
    has_tables: bool = True,
    **settings: str,
) -> Server:
    """Start a real server over `data_dir` and wait until it answers; without a worker nothing is done but what is
    asked for, without tables it makes its own, which takes long."""
    if has_tables and "database_url" not in settings and not (path := data_dir / "catalog.sqlite3").exists():
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(empty_catalog())
    port = port or free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOWERBIRD_")}
    environment |= {
        "BOWERBIRD_BIND": f"{host}:{port}",
        "BOWERBIRD_DATA_DIR": str(data_dir),
        "BOWERBIRD_BOOTSTRAP_TOKEN": OWNER,
        **{f"BOWERBIRD_{name.upper()}": value for name, value in settings.items()},
    }
    return _start(environment, data_dir, port, host, () if has_worker else ("--no-worker",))


def _start(environment: dict[str, str], data_dir: Path, port: int, host: str, options: Sequence[str] = ()) -> Server:
    log = data_dir.parent / f"{data_dir.name}.log"
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    server = Server(process, port, data_dir, environment, host=host, options=options)
    for line in process.stdout or ():
        server.printed += line
        if "bowerbird sxcu" in line:
            break
    else:
        process.wait()  # it has ended; web workers of a master that was killed may still answer at its port
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{server.url}/healthz", timeout=5):
                return server
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start real servers, each with its own settings; they end with the test."""
    started: list[Server] = []

    def make(name: str = "server", **settings: str) -> Server:
        server = start_server(tmp_path / name, **settings)
        started.append(server)
        return server

    yield make
    for server in started:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real server for all tests that only ask it."""
    server = start_server(tmp_path_factory.mktemp("live") / "data", upload_by_url="true", allow_video="true")
    catalog = Catalog(f"sqlite:///{server.data_dir / 'catalog.sqlite3'}")
    from datetime import UTC, datetime

    catalog.tokens.add("laptop", tokens.digest(UPLOADER), frozenset({"upload"}), created_at=datetime.now(UTC))
    catalog.close()
    yield server
    server.kill()


# Tests that share what is dear to start, a browser, a chain, a server: one worker has all of them, and starts it once.
_TOGETHER = re.compile(
    r"tests/hosts/|tests/e2e/|tests/doctor/test_(embedded|faults)\.py|tests/test_(nginx|rude|operations)\.py"
    r"|tests/faults/test_kills\.py|tests/web/test_openapi\.py|tests/worker/test_system\.py"
    r"|.*::test_every_refusal_of_5_mb\w+"
)


class _Together(LoadScopeScheduling):
    """xdist's own groups (`xdist_group`, as of 3.8) do not hold under pytest 9.2: every test goes alone."""

    def _split_scope(self, nodeid: str) -> str:
        found = _TOGETHER.match(nodeid)
        return found[0] if found else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    return _Together(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_xdist_auto_num_workers() -> int:
    """Three workers on two cores: a third of the time a test waits, for another process or a clock."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """What is collected, half a million objects, stays to the end: the search for garbage need never look at it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly which tests could not run on this machine."""
    for program, what in missing().items():
        terminalreporter.write_line(f"NOT RUN: {what}, for {program} is not on this machine", red=True, bold=True)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the files whose program is missing; the summary names them. And what only schemathesis loads, for
    loading that takes seconds."""
    if "chromium" in missing() and re.search(r"/tests/e2e/test_", str(collection_path)):
        return True
    if "nginx" in missing() and collection_path.name == "test_nginx.py":
        return True
    if collection_path.name == "described.py":
        return True
    return None
