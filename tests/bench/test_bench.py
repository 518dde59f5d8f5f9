"""The bench itself: what it is told, that its clients really upload, that its limit really signs, what it reports."""

import io
import json
import os
import subprocess
import sys
import urllib.request
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner
from PIL import Image

from bench import contenders, crowd, library, processes, proxy, reads, slow, thumbnails, transactions, uploads
from bench.__main__ import cli
from bench.amounts import SIZES
from bench.answer import Answer
from bench.contenders import Contender
from bench.endpoint import Endpoint
from bench.figures import Spread
from bench.form import framed
from bench.images import Picture
from bench.peers import Peer, parse
from bench.report import Column, Measure, markdown, spreading, to_json
from tests.b2 import B2

SMALL = 6_000
PARTS = (uploads, thumbnails, slow, reads, proxy, transactions, library)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture"
    Picture.make(SMALL).write(path)
    return path


@pytest.fixture
def peer():
    """A server that takes what has its header, notes the images, and refuses all else; its answers have no length."""

    class Host(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_ours = self.headers["X-Key"] == "a, b"
            if is_ours:
                images.append(body)
            self.send_response(302 if is_ours else 403)
            self.send_header("Location", "/Login")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"4\r\nno 0\r\n0\r\n\r\n")

        def log_message(self, *_):
            pass

    images = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    server.images, server.daemon_threads = images, True
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_peer_is_an_address_a_field_and_headers():
    assert parse("a=http://127.0.0.1:5000/,file") == Peer("a", "http://127.0.0.1:5000/", "file")
    assert parse("a=http://h/up?x=1,f,X-A: 1=2, 3,X-B: 4").headers == (("X-A", "1=2, 3"), ("X-B", "4"))
    assert parse("a=http://h/up,,X-A: 1") == Peer("a", "http://h/up", "", (("X-A", "1"),))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "''"),
        ("http://h/", "'http://h/'"),
        ("=http://h/,file", "'=http://h/,file'"),
        ("a=https://h/,file", "'https://h/'"),
        ("a=h:80,file", "'h:80'"),
        ("a=http://h:x/,file", "'http://h:x/'"),
        ("a=http://h/,f,X A: 1", "'X A: 1'"),
        ("a+x=http://h/,f", "'x'"),
        ("a+0=http://h/,f", "'0'"),
        ("limit=http://h/,f", "'limit'"),
    ],
)
def test_what_is_no_peer_is_a_usage_error_that_shows_it(text, wrong):
    shown = CliRunner().invoke(cli, ["uploads", "--peer", text])

    assert shown.exit_code == 2
    assert wrong in shown.output


def test_two_peers_of_one_name_are_a_usage_error():
    shown = CliRunner().invoke(cli, ["slow", "--peer", "a=http://h/", "--peer", "b=http://h/", "--peer", "a=http://i/"])

    assert shown.exit_code == 2
    assert "'a' names two" in shown.output


@pytest.mark.parametrize("text", ["", "40", "1TB", "40kB,", "-1MB", "900MB"])
def test_what_is_no_size_is_a_usage_error(text):
    assert CliRunner().invoke(cli, ["uploads", "--sizes", text]).exit_code == 2


def test_an_option_before_the_command_that_it_is_for_is_a_usage_error():
    shown = CliRunner().invoke(cli, ["--sizes", "40kB", "uploads", "--rounds", "1"])

    assert shown.exit_code == 2
    assert "--sizes goes behind uploads" in shown.output


def test_a_size_has_the_units_of_the_task():
    assert SIZES.convert("40kB,1MB,1MiB", None, None) == (40_000, 1_000_000, 1_048_576)


@pytest.mark.parametrize("command", ["", *cli.commands])
def test_the_help_of_every_command_ends_in_an_example(command):
    shown = CliRunner().invoke(cli, [*command.split(), "--help"])

    assert shown.exit_code == 0
    assert f"python -m bench {command}".strip() in shown.output.split("Example:")[1]


def test_every_command_stands_in_the_docs():
    told = (Path(__file__).parents[2] / "docs/bench.md").read_text()

    assert all(f"`{name}`" in told for name in cli.commands)


def test_each_picture_is_whole_and_has_pixels_of_its_own():
    one = Picture.make(SMALL)
    shown = [Image.open(io.BytesIO(one.another())).tobytes() for _ in range(3)]

    assert len(set(shown)) == 3
    assert len(one.another()) == pytest.approx(SMALL, rel=0.4)


def test_each_body_has_a_boundary_of_its_own():
    assert len({framed("file")[0] for _ in range(3)}) == 3
    assert framed("") == ("image/png", b"", b"")


@pytest.mark.parametrize(
    ("pieces", "status", "is_kept"),
    [
        ([b"HTTP/1.1 201 Created\r\nContent-Le", b"ngth: 3\r\n\r\nab", b"c"], 201, True),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n", b"0\r", b"\n\r\n"], 200, True),
        ([b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"], 304, False),
        ([b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"], 200, False),
    ],
)
def test_an_answer_is_whole_at_its_last_piece_and_not_before(pieces, status, is_kept):
    answer = Answer()
    whole = []
    for piece in pieces:
        answer.take(piece)
        whole.append(answer.is_whole)

    assert whole == [False] * (len(pieces) - 1) + [True]
    assert (answer.status, answer.is_kept) == (status, is_kept)


def test_the_clients_uploads_are_there(live_server, picture):
    bearer = (("Authorization", f"Bearer {live_server.token}"),)
    ours = Contender("ours", f"{live_server.url}/api/upload", "file", bearer)

    outcome = ours.upload(picture, clients=2, count=3)

    assert outcome.statuses == {"201": 3}, outcome.refusal
    assert len(outcome.times_s) == 3
    request = urllib.request.Request(f"{live_server.url}/api/uploads?limit=3", headers=dict(bearer))
    with urllib.request.urlopen(request) as answer:
        newest = json.load(answer)["uploads"]
    assert {one["size"] for one in newest} == {len(Picture.make(SMALL).another())}
    assert len({one["sha256"] for one in newest}) == 3


def test_clients_without_a_count_go_on_until_they_are_stopped(live_server):
    with crowd.running(crowd.Order(f"{live_server.url}/healthz", 2)) as outcome:
        while not processes.cpu_s([os.getpid()]):
            pass

    assert outcome.statuses.keys() == {"200"}


def test_who_asks_at_fixed_times_waits_since_then(live_server):
    asked = crowd.Order(f"{live_server.url}/healthz", clients=1, count=5, every_s=0.000_001)

    times = crowd.run(asked).times_s

    assert times == sorted(times)  # each one waited for all before it


def test_a_peer_takes_uploads_with_its_field_and_header(peer, picture):
    given = parse(f"it=http://127.0.0.1:{peer.server_port}/up,pic,X-Key: a, b")

    outcome = contenders.peer(given).upload(picture, clients=2, count=3)

    assert outcome.statuses == {"302": 3}
    assert outcome.first.startswith("302: to /Login ")
    assert len({one for one in peer.images if b'name="pic"' in one and b"\x89PNG" in one}) == 3
    assert contenders.peer(given).pids == (os.getpid(),)


def test_the_sink_keeps_nothing_and_works_for_a_peer_that_names_its_port(peer):
    port = processes.free_port()
    asked = (
        ("HEAD", "/b/k"),
        ("GET", "/b/k"),
        ("PUT", "/b/k"),
        ("HEAD", "/b/k"),
        ("HEAD", "/b"),
        ("GET", "/b?location"),
    )
    with (
        processes.running(["-m", "bench.sink", str(port)], {}, port) as pid,
        closing(HTTPConnection(f"127.0.0.1:{port}")) as sink,
    ):
        given = parse(f"it+{port}=http://127.0.0.1:{peer.server_port}/up")
        found, told = contenders.peer(given).pids, []
        for method, target in asked:
            sink.request(method, target, b"body" if method == "PUT" else None)
            with sink.getresponse() as answer:
                told.append((answer.status, answer.read()[:20]))

    assert set(found) == {os.getpid(), pid}
    absent = (404, b"<Error><Code>NoSuchK")
    assert told == [(404, b""), absent, (200, b""), (404, b""), (200, b""), (200, b"<LocationConstraint>")]


def test_a_refusal_is_told_and_not_timed(peer, picture):
    outcome = contenders.peer(Peer("it", f"http://127.0.0.1:{peer.server_port}/")).upload(picture, clients=1, count=2)

    assert outcome.refusal.startswith("403: ")
    assert not outcome.times_s


def test_the_limit_signs_its_one_request():
    script = (
        "import io\n"
        "from bench.limit import put\n"
        "told = []\n"
        "put({'wsgi.input': io.BytesIO(b'body'), 'CONTENT_LENGTH': '4'}, lambda *given: told.append(given))\n"
        "print(told[0][0])\n"
    )
    with B2() as b2:
        pair = (b2.key.access_key_id, b2.key.secret_access_key)
        environment = os.environ | Endpoint(b2.endpoint, b2.region, b2.bucket, *pair).environment()
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=environment, cwd=crowd.ROOT, capture_output=True, text=True, check=False)
        asked = list(b2.requests)

    assert done.stdout == "201 Created\n", done.stderr
    assert [(one.method, one.status, one.body_bytes) for one in asked] == [("PUT", 200, 4)]
    assert "x-amz-content-sha256" in asked[0].headers["authorization"]


def test_an_endpoint_of_ones_own_has_the_keys_of_the_settings():
    given = Endpoint("http://h:1", "r", "b", "id", "secret")

    assert Endpoint.of_environment(given.environment()) == given
    assert "secret" not in repr(given)


def test_the_report_has_the_same_figures_for_people_and_programs():
    columns = (Column("who", "contender"), Column("rate", "rate", spreading(1)), Column("none", "none"))
    rows = [{"contender": "it", "rate": Spread(2, 1, 3), "none": None, "refusal": "403: a\n|b`"}]
    one = Measure("uploads_s3", "Uploads", "How.", columns, rows)

    told = json.loads(to_json({"cores": "2"}, [one]))

    assert told["measures"]["uploads_s3"][0]["rate"] == {"median": 2, "low": 1, "high": 3}
    assert told["machine"] == {"cores": "2"}
    text = markdown({"cores": "2"}, [one])
    assert "- cores: 2\n" in text
    assert "| it | 2.0 (1.0 to 3.0) | – |\n" in text
    assert "- `it: 403: a \\|b'`" in text


def test_a_part_that_cannot_be_measured_costs_no_other(monkeypatch, tmp_path):
    def measured(name):
        def measure(*_given, **_options):
            if name == "proxy":
                raise RuntimeError("workerd is not installed")
            return Measure(f"{name}{next(count)}", name, "", [])

        count = iter(range(9))
        return measure

    for part in PARTS:
        monkeypatch.setattr(part, "measure", measured(part.__name__.removeprefix("bench.")))
    options = ["--json", f"{tmp_path}/a.json", "--markdown", f"{tmp_path}/a.md", "--endpoint", "http://127.0.0.1:1"]

    shown = CliRunner().invoke(cli, options)

    assert shown.exit_code == 1
    assert "1 of 8 parts could not be measured: workerd is not installed" in shown.output
    told = json.loads((tmp_path / "a.json").read_text())
    names = ("uploads0", "uploads1", "thumbnails0", "slow0", "reads0", "transactions0", "library0")
    assert tuple(told["measures"]) == names
    assert {"processor", "kernel", "libraries"} <= set(told["machine"])
    assert (tmp_path / "a.md").read_text().startswith("# Bowerbird's bench\n")


def test_no_turn_has_fewer_uploads_than_clients():
    assert all(uploads.count_of(size, clients) >= clients for size in (4_000, 20_000_000) for clients in (1, 64, 1000))


def test_the_cpu_of_ended_children_counts():
    before = processes.cpu_s([os.getpid()])
    subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)

    assert processes.cpu_s([os.getpid()]) > before
