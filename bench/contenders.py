"""Who is measured: Bowerbird and what it is held against, each started here, and peers that run already."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench import crowd
from bench.crowd import Order, Outcome
from bench.endpoint import Endpoint
from bench.images import Picture
from bench.peers import Peer
from bench.processes import ROOT, free_port, listeners, running

OURS, LIMIT, BARE, PLAIN = "bowerbird", "limit", "bare", "plain"
TOKEN = "bb_bench-bench-bench-bench-bench"


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that takes uploads at `url`; `pids` are its processes, or the roots of them, none if they are
    not of this machine. `folder` is where it keeps what it has, if it was started here."""

    name: str
    url: str
    field: str = "file"
    headers: tuple[tuple[str, str], ...] = ()
    pids: tuple[int, ...] = ()
    folder: Path | None = None

    @property
    def base(self) -> str:
        """The address without a path."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def order(self, picture: Path, *, clients: int, count: int | None, every_s: float = 0) -> Order:
        """Return the order to upload variants of the picture here."""
        return Order(self.url, clients, count, picture, self.field, self.headers, every_s)

    def upload(self, picture: Path, *, clients: int, count: int) -> Outcome:
        """Have so many variants of the picture uploaded, and return what came of it."""
        return crowd.run(self.order(picture, clients=clients, count=count))

    def empty(self) -> None:
        """Remove the images that were uploaded, or a run would fill the disk; the catalog stays as large as it is."""
        for path in (self.folder or Path()).rglob("*.png") if self.folder else ():
            path.unlink(missing_ok=True)


@contextmanager
def bowerbird(
    endpoint: Endpoint | None, *, workers: int = 2, with_worker: bool = False, name: str = OURS, **settings: str
) -> Iterator[Contender]:
    """Run Bowerbird as `bowerbird serve` does, over an empty folder, and over the endpoint if there is one.

    All its settings are the defaults but the rate limit, which a bench would meet; `settings` (small names) may change
    them. Thumbnails are made only `with_worker`.
    """
    port = free_port()
    with TemporaryDirectory(prefix="bench-") as folder:
        chosen = _environment(folder, endpoint) | {
            "BOWERBIRD_BIND": f"127.0.0.1:{port}",
            "BOWERBIRD_WEB_WORKERS": str(workers),
            "BOWERBIRD_BOOTSTRAP_TOKEN": TOKEN,
            "BOWERBIRD_RATE_LIMIT": "10000000/hour",
            **{f"BOWERBIRD_{setting.upper()}": value for setting, value in settings.items()},
        }
        arguments = ["-m", "app.cli", "serve", *([] if with_worker else ["--no-worker"])]
        with running(arguments, chosen, port) as pid:
            yield Contender(name, _address(port), headers=_bearer(TOKEN), pids=(pid,), folder=Path(folder))


@contextmanager
def gthread(*, workers: int = 2, threads: int = 4, name: str) -> Iterator[Contender]:
    """Run the same app under gunicorn's own threads, over an empty folder."""
    port = free_port()
    with TemporaryDirectory(prefix="bench-") as folder:
        chosen = _environment(folder, None) | {"BOWERBIRD_BIND": f"127.0.0.1:{port}"}
        command = [sys.executable, "-m", "app.cli", "token", "add", "bench"]
        done = subprocess.run(command, env=os.environ | chosen, cwd=ROOT, check=True, capture_output=True, text=True)
        arguments = ["-m", "gunicorn", "-k", "gthread", "-w", str(workers), "--threads", str(threads)]
        arguments += ["-b", f"127.0.0.1:{port}", "--no-control-socket", "app:create_app()"]
        with running(arguments, chosen, port) as pid:
            yield Contender(
                name, _address(port), headers=_bearer(done.stdout.strip()), pids=(pid,), folder=Path(folder)
            )


@contextmanager
def other(name: str, app: str, endpoint: Endpoint | None, *, workers: int = 2) -> Iterator[Contender]:
    """Run one of bench.serve's apps in Bowerbird's gunicorn, over an empty folder or the endpoint."""
    port = free_port()
    with (
        TemporaryDirectory(prefix="bench-") as folder,
        running(
            ["-m", "bench.serve", f"127.0.0.1:{port}", str(workers), app], _environment(folder, endpoint), port
        ) as pid,
    ):
        yield Contender(name, _address(port), pids=(pid,), folder=Path(folder))


def peer(given: Peer) -> Contender:
    """Return a server that runs already; its processes are those that listen at its ports, if it is on this machine."""
    parts = urlsplit(given.url)
    is_here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    ports = (parts.port or 80, *given.ports) if is_here else ()
    pids = dict.fromkeys(pid for port in ports for pid in listeners(port))
    return Contender(given.name, given.url, given.field, given.headers, tuple(pids))


def warm(contender: Contender, picture: Picture) -> Outcome:
    """Upload until every worker has done what it does once."""
    with TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "picture"
        picture.write(path)
        return contender.upload(path, clients=8, count=48)


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}/api/upload"


def _bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {token}"),)


def _environment(folder: str, endpoint: Endpoint | None) -> dict[str, str]:
    chosen = {"BOWERBIRD_DATA_DIR": folder, "BOWERBIRD_STORE": "folder"}
    return chosen | (endpoint.environment() if endpoint else {})
