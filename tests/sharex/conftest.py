"""Two real servers: the one of all tests, and one that refuses."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime

import pytest

from app import clients, tokens
from app.catalog import Catalog
from tests.conftest import UPLOADER, Server, free_port

# Each refusal has a token of its own, for the rate is that of a token.
REFUSED = {"nobody": "bb_" + "n" * 40, "revoked": "bb_" + "r" * 40, "full": "bb_" + "f" * 40, "looks": "bb_" + "l" * 40}
REFUSED |= {"hasty": "bb_" + "h" * 40}
MAX_UPLOAD_BYTES = 6 * 1024 * 1024
PER_HOUR = 60


@pytest.fixture(scope="module")
def refusing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server that takes little and whose store fails: see refusing.py."""
    data_dir = tmp_path_factory.mktemp("refusing") / "data"
    data_dir.mkdir()
    with closing(Catalog(f"sqlite:///{data_dir / 'catalog.sqlite3'}")) as catalog:
        catalog.upgrade()
        now = datetime.now(UTC)
        catalog.tokens.add("laptop", tokens.digest(UPLOADER), frozenset({"upload"}), created_at=now)
        for name in ("revoked", "full", "looks", "hasty"):
            scopes = frozenset({"metrics" if name == "looks" else "upload"})
            catalog.tokens.add(name, tokens.digest(REFUSED[name]), scopes, created_at=now)
        catalog.tokens.revoke("revoked", now=now)
        catalog.tokens.change("full", quota_bytes=10)
    port = free_port()
    given = {"BIND": f"127.0.0.1:{port}", "DATA_DIR": str(data_dir), "WEB_WORKERS": "1"}
    given |= {"MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES), "RATE_LIMIT": f"{PER_HOUR}/hour"}
    environment = os.environ | {f"BOWERBIRD_{name}": value for name, value in given.items()}
    command = [sys.executable, "-m", "tests.sharex.refusing", given["BIND"]]
    with (data_dir.parent / "data.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
    server = Server(process, port, data_dir, environment)
    _wait(server)
    yield server
    server.stop()


def _wait(server: Server) -> None:
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(f"{server.url}/healthz", timeout=5):
            return
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(0.05)
            break
    raise RuntimeError((server.data_dir.parent / "data.log").read_text()[-2000:])


def sxcu(url: str, token: str = UPLOADER, **changes: object) -> bytes:
    """Return the .sxcu that the app hands out for a host and a token, with some fields changed, or left out (None)."""
    config = json.loads(clients.sxcu(url, token)) | changes
    return json.dumps({name: value for name, value in config.items() if value is not None}).encode()
