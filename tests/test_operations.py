"""A server that runs for months: its metrics, its log, and new settings while uploads are under way."""

import http.client
import json
import os
import re
import signal
import socket
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.catalog import Catalog
from app.catalog.records import State
from tests import samples, waiting
from tests.conftest import OWNER, free_port, start_server

pytestmark = pytest.mark.timeout(900)
PATIENCE_S = 240  # of a machine that does ten other things
soon = partial(waiting.soon, patience_s=PATIENCE_S)
AUTHORIZED = {"Authorization": f"Bearer {OWNER}"}
SLOW = samples.make("png", seed=77) + bytes(1_000_000)  # what stands behind its end goes


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Two web workers; the files that its address and the size of an upload are read from may be changed meanwhile."""
    folder = tmp_path_factory.mktemp("operations")
    (folder / "limit").write_text("4MB")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, pytest.MonkeyPatch.context() as patch:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(PATIENCE_S)
        patch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
        files = {"max_upload_bytes_file": str(folder / "limit"), "bind_file": str(folder / "bind")}
        port = free_port()
        (folder / "bind").write_text(f"127.0.0.1:{port}")
        server = start_server(folder / "data", port, rate_limit="1000000/hour", **files)
        assert systemd.recv(1000).startswith(b"READY=1")
    yield server
    if server.process.poll() is None:
        server.kill()


def log_of(server):
    text = (server.data_dir.parent / "data.log").read_text()
    return [json.loads(line) for line in text.splitlines()]


def ask(server, method="GET", path="/healthz", body=None, **headers):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, text


def metrics(server):
    _, text = ask(server, path="/metrics")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


ASKED = ("bowerbird_http_requests_total", "GET", "/oembed", "404")


def test_the_metrics_are_the_same_from_every_worker_and_no_count_falls_when_one_is_killed(server):
    soon(lambda: metrics(server)["bowerbird_processes", "web"] == 2)
    for _ in range(10):
        ask(server, path="/oembed")
    assert {metrics(server)[ASKED] for _ in range(10)} == {10.0}
    first, _ = server.workers()
    os.kill(first, signal.SIGKILL)
    soon(lambda: first not in server.workers() and len(server.workers()) == 2)
    soon(lambda: metrics(server)["bowerbird_processes", "web"] == 2)

    for _ in range(5):
        ask(server, path="/oembed")
    found = metrics(server)

    assert {metrics(server)[ASKED] for _ in range(10)} == {15.0}
    assert found["bowerbird_http_request_duration_seconds_count", "/oembed"] == 15
    assert found["bowerbird_process_resident_memory_bytes", "web"] > 20_000_000
    assert found["bowerbird_catalog_connections_in_use",] <= 1
    arguments = Path(f"/proc/{server.upkeep()}/cmdline").read_text().split("\0")
    folder = Path(next(one for one in arguments if one.startswith("--counted-in=")).partition("=")[2])
    assert 0 < len(list(folder.glob("counter_*.db"))) <= 3, "two, and the worker"


def test_uploads_and_strange_addresses_are_counted_under_few_names(server):
    before = len(metrics(server))
    image = samples.make("png", seed=500)
    assert ask(server, "POST", "/api/upload", image, **AUTHORIZED)[0].status == 201
    assert ask(server, "POST", "/api/upload", b"%PDF-1.7 no", **AUTHORIZED)[0].status == 415
    for number in range(40):
        ask(server, path=f"/nothing/{number}")
        ask(server, f"METHOD{number}", "/healthz")
    with socket.create_connection((server.host, server.port)) as sock:
        sock.sendall(b"NONSENSE\r\n\r\n")
        assert b"X-Request-ID: " in sock.recv(1000)
    found = metrics(server)

    assert found["bowerbird_uploads_accepted_total", "image/png"] == 1
    assert found["bowerbird_upload_accepted_bytes_total", "image/png"] == len(image)
    assert found["bowerbird_uploads_refused_total", "unsupported_type"] == 1
    assert found["bowerbird_store_calls_total", "put", "ok"] >= 1
    assert found["bowerbird_http_requests_total", "GET", "none", "404"] == 40
    assert found["bowerbird_http_requests_total", "other", "none", "405"] == 40
    assert found["bowerbird_http_requests_total", "other", "none", "400"] == 1
    assert len(found) < before + 250, "a name for each would be a thousand more"


def test_no_line_of_the_log_is_anything_but_json_and_no_secret_is_in_it(server):
    answer, _ = ask(server, "POST", "/api/upload", samples.make("png", seed=501), **AUTHORIZED)
    _, text = ask(server, "PUT", "/api/upload/a.png", samples.make("png", seed=502), **AUTHORIZED)
    ask(server, "PUT", "/api/upload/a%0D%0A%1B%5B31mforged.png", samples.make("png", seed=503), **AUTHORIZED)
    deletion = json.loads(text)["deletion_url"].partition(f":{server.port}")[2]
    hostile = {"User-Agent": "x\x1b[2J\x85y", "X-Request-ID": "forged-by-the-client", "CF-Ray": "8f00ba4b0c00-AMS"}
    ask(server, path="/%0d%0a%7B%22event%22:%22forged%22%7D%1b%5b2J?token=bb_secret-in-a-query", **hostile)
    ask(server, "DELETE", deletion)
    last = ask(server, "DELETE", deletion + "/more")[0].headers["X-Request-ID"]

    lines = soon(lambda: [one for one in log_of(server) if one.get("request_id") == last] and log_of(server))

    raw = (server.data_dir.parent / "data.log").read_text()
    secret = deletion.rpartition("/")[2]
    assert not [piece for piece in (secret, "bb_secret", OWNER, "\x1b", "forged-by") if piece in raw]
    assert not [one for one in lines if one["event"] == "forged"]
    mine = [one for one in lines if one.get("request_id") == answer.headers["X-Request-ID"]]
    assert [one["event"] for one in mine] == ["uploaded", "answered"]
    assert (mine[1]["method"], mine[1]["path"], mine[1]["status"], mine[1]["by"]) == (
        "POST",
        "/api/upload",
        201,
        "owner",
    )
    assert mine[1]["ms"] > 0 and mine[1]["received"] > 0 and mine[1]["sent"] > 0
    assert {"gunicorn.error"} == {one["logger"] for one in lines if "logger" in one}


class Uploading:
    """Clients that upload fifty times a second, over kept and over new connections, until they are told to stop."""

    def __init__(self, server):
        self.server, self.stop = server, threading.Event()
        self.statuses, self.keys, self.failures = [], [], []
        self.threads = [threading.Thread(target=self._go_on, args=(number,)) for number in range(2)]
        for thread in self.threads:
            thread.start()

    def _go_on(self, number):
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=PATIENCE_S)
        seed = 10_000 * (number + 1)
        while not self.stop.wait(0.02):
            seed += 1
            try:
                connection.request("POST", "/api/upload", samples.make("png", 8, 8, seed=seed), AUTHORIZED)
                answer = connection.getresponse()
                found = json.loads(answer.read())
            except OSError as e:
                self.failures.append(repr(e))
                return
            self.statuses.append(answer.status)
            self.keys.append(found.get("key"))
            if number % 2:
                connection.close()
        connection.close()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


class Slow:
    """An upload that drips, just fast enough, and whose end comes when it is told to; by tus a piece of one."""

    def __init__(self, server, *, is_tus=False):
        self.sock = socket.create_connection((server.host, server.port), timeout=PATIENCE_S)
        path, headers = "POST /api/upload", ["Content-Type: image/png"]
        if is_tus:
            named = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(SLOW)), **AUTHORIZED}
            made, _ = ask(server, "POST", "/api/tus", **named)
            path = f"PATCH {urlsplit(made.headers['Location']).path}"
            headers = ["Content-Type: application/offset+octet-stream", "Upload-Offset: 0", "Tus-Resumable: 1.0.0"]
        head = [
            f"{path} HTTP/1.1",
            "Host: h",
            f"Content-Length: {len(SLOW)}",
            f"Authorization: Bearer {OWNER}",
            *headers,
        ]
        self.sock.sendall("\r\n".join([*head, "", ""]).encode())
        self.sent, self.ends = 0, threading.Event()
        self.dripping = threading.Thread(target=self._drip)
        self.dripping.start()

    def _drip(self):
        while not self.ends.wait(0.5) and self.sent < len(SLOW) - 2000:
            self.sock.sendall(SLOW[self.sent : self.sent + 2000])
            self.sent += 2000

    def finish(self):
        self.ends.set()
        self.dripping.join()
        self.sock.sendall(SLOW[self.sent :])
        answer = http.client.HTTPResponse(self.sock)
        answer.begin()
        answer.read()
        self.sock.close()
        return answer.status


def test_new_settings_are_taken_without_a_dropped_upload_and_bad_ones_are_not(server):
    limit, old, upkeep = server.data_dir.parent / "limit", set(server.workers()), soon(server.upkeep)
    large = samples.make("png") + bytes(5_000_000)
    assert ask(server, "POST", "/api/upload", large, **AUTHORIZED)[0].status == 413
    uploading, slow, piece = Uploading(server), Slow(server), Slow(server, is_tus=True)
    soon(lambda: len(uploading.statuses) > 20)

    limit.write_text("8MB")
    server.process.send_signal(signal.SIGHUP)
    soon(lambda: len(set(server.workers()) - old) == 2)
    soon(lambda: metrics(server)["bowerbird_processes", "web"] == 4)
    count = len(uploading.statuses)
    soon(lambda: len(uploading.statuses) > count + 20)
    assert (slow.finish(), piece.finish()) == (201, 204)
    soon(lambda: not set(server.workers()) & old)
    assert ask(server, "POST", "/api/upload", large, **AUTHORIZED)[0].status == 201
    count, new = len(uploading.statuses), set(server.workers())
    soon(lambda: len(uploading.statuses) > count + 20)
    soon(lambda: server.upkeep() not in (None, upkeep))  # it has read the settings too
    limit.write_text("much")
    server.process.send_signal(signal.SIGHUP)
    told = soon(lambda: [one for one in log_of(server) if one["event"].startswith("not reloaded")])
    uploading.end()

    assert uploading.failures == [] and set(uploading.statuses) == {201}
    assert "MAX_UPLOAD_BYTES" in told[0]["why"]
    assert set(server.workers()) == new
    assert ask(server)[0].status == 200


def test_another_address_needs_a_restart_and_that_is_said(server):
    bind, old = server.data_dir.parent / "bind", set(server.workers())
    address = bind.read_text()
    (server.data_dir.parent / "limit").write_text("8MB")

    bind.write_text(f"127.0.0.1:{free_port()}")
    server.process.send_signal(signal.SIGHUP)
    soon(lambda: [one for one in log_of(server) if "needs a restart" in one.get("why", "")])
    bind.write_text(address)

    assert set(server.workers()) == old and ask(server)[0].status == 200


def test_at_the_end_what_was_begun_is_answered_and_what_was_answered_is_kept(server):
    uploading, slow = Uploading(server), Slow(server)
    soon(lambda: len(uploading.statuses) > 20)

    server.process.terminate()
    soon(lambda: len(uploading.failures) == 2)  # refused, at the door
    assert slow.finish() in (200, 201)
    server.process.wait(PATIENCE_S)
    uploading.end()

    assert server.process.returncode == 0
    assert set(uploading.statuses) <= {201, 503}
    catalog = Catalog(f"sqlite:///{server.data_dir / 'catalog.sqlite3'}")
    assert all(catalog.uploads.get(key).state is State.LIVE for key in uploading.keys if key)
    assert catalog.uploads.unsettled(limit=10) == []
    catalog.close()
    with suppress(ValueError):
        server.process.stdout.close()
    assert not re.search(r"(?m)^Traceback", (server.data_dir.parent / "data.log").read_text())
