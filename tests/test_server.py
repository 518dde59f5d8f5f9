"""The real server: gunicorn with gevent workers, started as a user starts it, under slow, rude and killed company."""

import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from tests import samples
from tests.conftest import OWNER, UPLOADER, Server, free_port, start_server
from tests.waiting import soon

MIB = 1024 * 1024


def request(method, path, length, *headers, token=UPLOADER):
    lines = [f"{method} {path} HTTP/1.1", "Host: up.example.com", f"Content-Length: {length}", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def send_all_then_read(server, head, body):
    """Do as ShareX does: send every byte, and only then read."""
    with socket.create_connection((server.host, server.port), timeout=60) as sock:
        sock.sendall(head)
        view = memoryview(body)
        for start in range(0, len(body), 32 * 1024):
            sock.sendall(view[start : start + 32 * 1024])
        return read_answer(sock)


def read_answer(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            raise ConnectionError(f"no answer, but {data!r}")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
    while len(body) < length:
        more = sock.recv(65536)
        if not more:
            raise ConnectionError(f"half an answer: {data!r}")
        body += more
    return int(head.split()[1]), json.loads(body)


REFUSALS = {
    401: ("POST", "/api/upload", "x" * 40),
    404: ("POST", "/api/nothing", UPLOADER),
    405: ("POST", "/api/uploads/k", UPLOADER),
    413: ("POST", "/api/upload", OWNER),
    415: ("POST", "/api/upload", UPLOADER),
}


@pytest.fixture(scope="module")
def small_limit(tmp_path_factory):
    """A server that takes 4 MB, so that 5 MB are too much."""
    folder = tmp_path_factory.mktemp("small") / "data"
    server = start_server(folder, has_worker=False, max_upload_bytes="4MB", web_workers="1")
    yield server
    server.kill()


@pytest.fixture
def refusing(request, status):
    return request.getfixturevalue("small_limit" if status == 413 else "live_server")


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_of_60_mb_reaches_a_client_that_sends_all_before_it_reads(refusing, status):
    """tests/sharex has them all at 5 MB."""
    method, path, token = REFUSALS[status]
    size, server = 60 * MIB, refusing
    head = request(method, path, size, "Content-Type: image/png", token=token)
    body = bytes(size)

    for _ in range(2):
        got, answer = send_all_then_read(server, head, body)
        assert got == status
        assert set(answer) == {"error", "code", "request_id"}


def test_a_body_shorter_than_promised_is_refused_and_nothing_is_kept(live_server):
    before = objects(live_server)
    with socket.create_connection((live_server.host, live_server.port), timeout=30) as sock:
        sock.sendall(request("PUT", "/api/upload/a.png", 10_000) + samples.make("png"))
        sock.shutdown(socket.SHUT_WR)
        status, answer = read_answer(sock)

    assert (status, answer["code"]) == (400, "incomplete_body")
    assert objects(live_server) == before


CHUNKED = ("Transfer-Encoding: chunked", "Content-Type: multipart/form-data; boundary=b")


@pytest.mark.parametrize(
    ("head", "body", "status", "code"),
    [
        (request("POST", "/api/upload", 0), b"", 400, "missing_file"),
        (b"POST /api/upload HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", b"", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n", b"", 431, "headers_too_large"),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"", 414, "uri_too_long"),
        (b"NONSENSE\r\n\r\n", b"", 400, "bad_request"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n", b"", 417, "expectation_failed"),
    ],
)
def test_what_never_reaches_the_app_is_refused_in_the_same_shape(live_server, head, body, status, code):
    with socket.create_connection((live_server.host, live_server.port), timeout=30) as sock:
        sock.sendall(head + body)
        got, answer = read_answer(sock)

    assert (got, answer["code"]) == (status, code)
    assert set(answer) == {"error", "code", "request_id"}


@pytest.mark.parametrize("chunk", [b"0x5\r\nabcde\r\n", b"-1\r\n", b"5\r\nabcdeXX", b"fffffffffffffffff\r\n"])
def test_a_malformed_chunk_is_refused(live_server, chunk):
    head = request("POST", "/api/upload", 0, *CHUNKED).replace(b"Content-Length: 0\r\n", b"")
    with socket.create_connection((live_server.host, live_server.port), timeout=30) as sock:
        sock.sendall(head + chunk)
        sock.shutdown(socket.SHUT_WR)
        status, answer = read_answer(sock)

    assert status == 400
    assert answer["code"] in ("bad_chunk", "incomplete_body")


def test_a_chunked_multipart_body_is_taken(live_server):
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = part + samples.make("png", seed=7) + b"\r\n--b--\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 777]), body[i : i + 777]) for i in range(0, len(body), 777))
    head = request("POST", "/api/upload", 0, *CHUNKED).replace(b"Content-Length: 0\r\n", b"")

    assert send_all_then_read(live_server, head, chunks + b"0\r\n\r\n")[0] == 201


def test_a_large_upload_costs_a_worker_little_memory(make_server):
    server = make_server(has_worker=False, web_workers="1")
    warm = samples.make("png")
    send_all_then_read(server, request("POST", "/api/upload", len(warm), token=OWNER), warm)
    [worker] = server.workers()
    before = peak(worker)
    padded = samples.make("png") + bytes(99 * MIB)

    assert send_all_then_read(server, request("POST", "/api/upload", len(padded), token=OWNER), padded)[0] == 201
    assert peak(worker) - before < 16 * 1024


def peak(pid):
    """Return the most memory a process ever had, in KiB."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def objects(server: Server) -> set[str]:
    return {path.name for path in (server.data_dir / "objects").glob("??/*.*")}


def test_serve_prints_what_an_owner_needs_and_the_token_only_once(tmp_path, make_server):
    alone = {"bootstrap_token": "", "has_worker": False, "web_workers": "1"}
    server = make_server(has_tables=False, **alone)
    token = re.search(r"(bb_\S{40,})", server.printed)[1]
    image = samples.make("png")

    assert server.url in server.printed and "curl" in server.printed and ".sxcu" in server.printed
    assert send_all_then_read(server, request("POST", "/api/upload", len(image), token=token), image)[0] == 201
    assert token.encode() not in (server.data_dir / "catalog.sqlite3").read_bytes()
    server.kill()
    assert token not in make_server(**alone).printed


def test_a_port_in_use_and_bad_settings_are_told_in_lines_with_exit_2(live_server):
    def serve(**settings):
        environment = live_server.environment | {f"BOWERBIRD_{k.upper()}": v for k, v in settings.items()}
        command = [sys.executable, "-m", "app.cli", "serve"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    again = serve()
    bad = serve(bind="nowhere", key_length="2", store="s3")

    assert again.returncode == bad.returncode == 2
    assert again.stderr.count("\n") == 1 and str(live_server.port) in again.stderr
    for name in ("BIND", "KEY_LENGTH", "S3_BUCKET", "S3_ENDPOINT", "S3_REGION"):
        assert f"BOWERBIRD_{name}: " in bad.stderr
    assert "Traceback" not in bad.stderr + again.stderr


def test_a_start_without_a_database_is_told_in_a_line_and_one_that_waits_for_it_is_ended_by_a_signal(
    tmp_path, live_server
):
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        started = []
        for name, server, patience_s in (("away", closed, 5), ("silent", silent, 600)):
            url = f"postgresql://u:p@127.0.0.1:{server.getsockname()[1]}/b?connect_timeout={patience_s}"
            own = {"DATA_DIR": str(tmp_path / name), "DATABASE_URL": url, "BIND": f"127.0.0.1:{free_port()}"}
            environment = live_server.environment | {f"BOWERBIRD_{key}": value for key, value in own.items()}
            command = [sys.executable, "-m", "app.cli", "serve"]
            started.append(subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True))
        away, waiting = started
        said = away.communicate(timeout=60)
        with silent.accept()[0]:
            waiting.terminate()
            told = waiting.communicate(timeout=60)

    assert (away.returncode, said[0]) == (1, "")
    last = said[1].splitlines()[-1]
    assert last == "bowerbird: the catalog is busy or does not answer; try again in a moment"
    assert (waiting.returncode, told[0]) == (0, "")
    assert "Traceback" not in said[1] + told[1]


def test_while_another_process_holds_the_catalog_an_upload_waits_and_nobody_else_does(make_server):
    server = make_server(has_worker=False, web_workers="1")
    image = samples.make("png")
    catalog = sqlite3.connect(server.data_dir / "catalog.sqlite3", isolation_level=None)
    catalog.execute("BEGIN IMMEDIATE")
    with socket.create_connection((server.host, server.port), timeout=20) as sock:
        sock.sendall(request("POST", "/api/upload", len(image), token=OWNER) + image)
        for _ in range(5):
            assert urllib.request.urlopen(f"{server.url}/login", timeout=2).status == 200
        catalog.execute("ROLLBACK")
        assert read_answer(sock)[0] == 201
    catalog.close()


def test_an_uploaded_image_opens_and_has_the_very_bytes(live_server):
    for kind in samples.KEPT:
        image = samples.make(kind, seed=9)
        status, answer = send_all_then_read(live_server, request("PUT", "/api/upload/x", len(image)), image)
        with urllib.request.urlopen(answer["url"]) as got:
            assert (status, got.headers["Content-Type"], got.read()) == (201, samples.TYPES[kind], image)


def test_a_thumbnail_is_there_soon_after_the_answer(live_server):
    image = samples.make("png", 800, 600, seed=10)
    _, answer = send_all_then_read(live_server, request("PUT", "/api/upload/x", len(image)), image)

    def ask():  # it waits for the worker, but where the machine is busy not for long enough
        with suppress(urllib.error.HTTPError):
            return urllib.request.urlopen(answer["thumbnail_url"])

    with ask() or ask() or ask() as found:
        thumbnail = Image.open(io.BytesIO(found.read()))
        assert found.headers["Content-Type"] == "image/webp"
        assert "immutable" in found.headers["Cache-Control"] and found.headers["X-Content-Type-Options"] == "nosniff"
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (400, 300))


def test_an_idle_connection_does_not_hold_up_the_end_and_a_request_under_way_is_finished(make_server):
    server = make_server(has_worker=False, web_workers="1")
    image = samples.make("png")
    with (
        socket.create_connection((server.host, server.port)) as idle,
        socket.create_connection((server.host, server.port), timeout=20) as busy,
    ):
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_answer(idle)[0] == 200
        busy.sendall(request("POST", "/api/upload", len(image), token=OWNER) + image[:100])
        assert urllib.request.urlopen(f"{server.url}/healthz").status == 200
        server.process.terminate()
        assert idle.recv(1) == b""
        busy.sendall(image[100:])
        assert read_answer(busy)[0] == 201
    assert server.process.wait(20) == 0
    server.process.stdout.close()


def test_a_web_worker_that_has_just_been_forked_hears_of_the_end(make_server):
    server = make_server(has_worker=False, web_workers="1")
    before = set(server.workers())
    os.kill(min(before), signal.SIGKILL)
    soon(lambda: set(server.workers()) - before, every_s=0)
    server.process.terminate()
    assert server.process.wait(28) == 0, "the master ended it after its 30 seconds"
    server.process.stdout.close()


def test_ctrl_c_ends_it_without_a_word_of_trouble_also_where_a_connection_is_kept(make_server, tmp_path):
    server = make_server("interrupted", web_workers="1")  # another might still be starting
    with socket.create_connection((server.host, server.port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_answer(idle)[0] == 200
        processes = [server.process.pid, *server.workers()]

        os.killpg(server.process.pid, signal.SIGINT)
        server.process.wait(40)
    server.process.stdout.close()

    assert server.process.returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "interrupted.log").read_text().splitlines()]
    assert {one["level"] for one in lines} == {"info"}, lines
    assert not [pid for pid in processes if Path(f"/proc/{pid}/status").exists() and pid != server.process.pid]


def test_a_worker_that_dies_is_started_anew_and_ends_with_the_server(make_server):
    server = make_server(web_workers="1")
    first = soon(server.upkeep)
    os.kill(first, signal.SIGKILL)

    second = soon(lambda: (found := server.upkeep()) != first and found)

    server.stop()
    assert not Path(f"/proc/{second}").exists()


def test_what_expired_while_nothing_ran_is_gone_soon_after_the_start(client, make_server):
    headers = {"Authorization": f"Bearer {OWNER}"}
    answer = client.post("/api/upload?expires=1h", data=samples.make("png", seed=12), headers=headers).json
    folder = client.application.extensions["bowerbird"].settings.data_dir
    [path] = (folder / "objects").rglob(answer["key"])
    with sqlite3.connect(folder / "catalog.sqlite3") as catalog:
        catalog.execute("UPDATE uploads SET expires_at = '2026-01-01 00:00:00.000000'")
    catalog.close()

    server = make_server(folder.name, web_workers="1")

    assert soon(lambda: not path.exists())
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server.url}/{answer['key']}")


def test_a_server_starts_without_asking_the_bucket_whatever_a_crash_left(client, make_server):
    client.post("/api/upload", data=samples.make("png"), headers={"Authorization": f"Bearer {OWNER}"})
    folder = client.application.extensions["bowerbird"].settings.data_dir
    with sqlite3.connect(folder / "catalog.sqlite3") as catalog:
        catalog.execute("UPDATE uploads SET state = 'deleting', created_at = '2026-01-01 00:00:00.000000'")
    catalog.close()

    with socket.create_server(("127.0.0.1", 0)) as bucket:
        account = {"s3_region": "r", "s3_bucket": "b", "s3_access_key_id": "i", "s3_secret_access_key": "s"}
        endpoint = f"http://127.0.0.1:{bucket.getsockname()[1]}"
        make_server(folder.name, has_worker=False, store="s3", s3_endpoint=endpoint, **account)
        bucket.setblocking(False)
        with pytest.raises(BlockingIOError):
            bucket.accept()
