"""nginx as docs/ sets it up: before a public bucket as a CDN, and before the app. The files there run as they are."""

import hashlib
import http.client
import io
import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from PIL import Image

from app.edge.headers import B2_HEADERS, CACHE_CONTROL, VIEWER_HEADERS
from tests.b2 import B2, Fault, Key
from tests.conftest import OWNER, Server, free_port, start_server
from tests.edge.relay import Listener, Relay
from tests.nginx import DOCS, Nginx
from tests.worker.requests import Answer, Endpoint, Pair, Signer

IMAGE_HOST, B2_HOST, APP_HOST = "i.example.com", "f004.backblazeb2.com", "up.example.com"
BUCKET = "my-pictures"
PAIR = Pair()
BODY = os.urandom(300_000)
SHA1 = hashlib.sha1(BODY, usedforsecurity=False).hexdigest()
PATH = "/k7Wq3Zp.png"
MIB = 1024 * 1024


class B2Host(Listener):
    """B2's download host as the world sees it: by TLS alone. An `answer` takes the place of B2's own."""

    def __init__(self, friendly: tuple[str, int], nginx: Nginx, port: int) -> None:
        super().__init__(port, tls=nginx.certificate)
        self._friendly = friendly
        self.answer: tuple[int, list[tuple[str, str]]] | None = None
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def handle(self, request: Relay) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.command, request.path, headers))
        if self.answer:
            return request.say(self.answer[0], b"<html>", "text/html", self.answer[1])
        return request.pass_on(self._friendly, request.command, request.path, list(request.headers.items()))

    def forget(self) -> None:
        self.answer = None
        self.asked.clear()


class Cdn:
    """The CDN over a public bucket; `hosts` are those that the certificate behind and before it is for."""

    def __init__(self, stack: ExitStack, b2: B2, hosts: tuple[str, ...] = (IMAGE_HOST, B2_HOST)) -> None:
        port, self._purge_port = free_port(), free_port()
        replaced = {
            f"server {B2_HOST}:443": f"server 127.0.0.1:{port}",
            "listen 127.0.0.1:8089": f"listen 127.0.0.1:{self._purge_port}",
        }
        self.b2 = b2
        self.nginx = Nginx("nginx-cdn.conf", IMAGE_HOST, replaced, hosts)
        self.b2_host = stack.enter_context(B2Host(b2.friendly_address, self.nginx, port))
        stack.enter_context(self.nginx)
        self.get = self.nginx.ask

    def put(self, body: bytes = BODY, path: str = PATH, **headers: str) -> None:
        named = {"content-type": "image/png"} | {name.replace("_", "-"): value for name, value in headers.items()}
        signer = Signer(PAIR)
        answer = Endpoint(self.b2.s3_address[1]).signed("PUT", f"/{BUCKET}{path}", body, named, signer=signer)
        assert answer.status == 200, answer.body

    def delete(self, path: str = PATH) -> None:
        Endpoint(self.b2.s3_address[1]).signed("DELETE", f"/{BUCKET}{path}", signer=Signer(PAIR))

    def purge(self, path: str = PATH) -> int:
        return Endpoint(self._purge_port).send("GET", path).status


@pytest.fixture(scope="module")
def b2() -> Iterator[B2]:
    with B2(bucket=BUCKET, keys=[Key(PAIR.access_key_id, PAIR.secret_access_key)]) as started:
        yield started


@pytest.fixture
def cdn(b2: B2) -> Iterator[Cdn]:
    """The CDN over an empty bucket, with an empty cache."""
    b2.empty()
    with ExitStack() as stack:
        yield Cdn(stack, b2)


def named(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in ("date", "connection")}


def status_of_cache(answer: Answer) -> str | None:
    return answer.headers["x-cache-status"]


def test_an_image_arrives_with_the_headers_of_the_edge_and_is_a_hit_the_second_time(cdn: Cdn) -> None:
    cdn.put(cache_control=CACHE_CONTROL, x_amz_meta_mtime="1")

    first, second = cdn.get(PATH), cdn.get(f"{PATH}?v=2", {"cookie": "a=b", "origin": "https://x.example.com"})

    expected = {name.lower(): value for name, value in VIEWER_HEADERS.items()} | {
        "content-type": "image/png", "content-length": str(len(BODY)), "etag": f'"{SHA1}"', "server": "nginx",
        "cache-control": CACHE_CONTROL, "accept-ranges": "bytes",
    }  # fmt: skip
    assert (first.status, first.body, named(first)) == (200, BODY, expected | {"x-cache-status": "MISS"})
    assert (second.status, second.body, named(second)) == (200, BODY, expected | {"x-cache-status": "HIT"})
    ((method, path, seen),) = cdn.b2_host.asked
    assert (method, path, seen) == ("GET", f"/file/{BUCKET}{PATH}", {"host": B2_HOST})


def test_every_header_of_b2_is_hidden_and_every_one_of_the_edge_set() -> None:
    text = (DOCS / "nginx-cdn.conf").read_text()

    assert set(re.findall(r"proxy_hide_header (x-bz-[\w-]+);", text)) == set(B2_HEADERS)
    assert VIEWER_HEADERS.items() <= dict(re.findall(r'add_header ([\w-]+) "(.+)" always;', text)).items()
    assert f'"{CACHE_CONTROL}";' in text


@pytest.mark.parametrize("is_hit", [False, True], ids=["miss", "hit"])
@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)), ("bytes=299990-", 206, slice(-10, None)), ("bytes=-5", 206, slice(-5, None)),
        ("bytes=300000-", 416, None),
    ],
)  # fmt: skip
def test_a_range(cdn: Cdn, is_hit: bool, wanted: str, status: int, part: slice | None) -> None:
    cdn.put()
    if is_hit:
        cdn.get(PATH)

    answer = cdn.get(PATH, {"range": wanted})

    assert (answer.status, status_of_cache(answer)) == (status, "HIT" if is_hit else "MISS")
    if part:
        assert answer.headers.get_all("cache-control") == [CACHE_CONTROL]
        assert answer.body == BODY[part]
        assert cdn.get(PATH).body == BODY
        assert len(cdn.b2_host.asked) == 1


def test_a_head_fills_the_cache_for_a_get(cdn: Cdn) -> None:
    cdn.put()

    head, got = cdn.get(PATH, method="HEAD"), cdn.get(PATH)

    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(BODY)))
    assert (status_of_cache(got), got.body, len(cdn.b2_host.asked)) == ("HIT", BODY, 1)


def test_an_etag_does_not_vanish_when_a_source_is_absentand_is_none_without_any(cdn: Cdn) -> None:
    cases = ([("x-bz-content-sha1", "none"), ("x-bz-file-id", "4_z1_f2")], [("x-bz-content-sha1", "none")])
    seen = []
    for number, headers in enumerate(cases):
        cdn.b2_host.answer = 200, headers
        seen += [cdn.get(f"/{number}.png").headers["etag"] for _ in range(2)]

    assert seen == ['"4_z1_f2"', '"4_z1_f2"', None, None]


def test_an_image_without_a_cache_control_gets_one(cdn: Cdn) -> None:
    cdn.put()

    assert cdn.get(PATH).headers.get_all("cache-control") == [CACHE_CONTROL]


@pytest.mark.parametrize(
    "target",
    [
        "/../other/a.png", "/%2e%2e/other/a.png", "/..%2fother/a.png", "/a/../../other/a.png",
        "/a/..%2f..%2fother/a.png",
        "//other/a.png", "/.%2e/other/a.png", "/..;/other/a.png", "/%252e%252e/other/a.png", "/..%5cother/a.png",
        "/file/other/a.png", "/-evil/a.png", "/%00", "/?x=/../other/a.png", "https://i.example.com/../other/a.png",
    ],
)  # fmt: skip
def test_another_bucket_is_not_reached(cdn: Cdn, target: str) -> None:
    cdn.b2_host.answer = 200, []

    cdn.get(target)

    folder = f"/file/{BUCKET}/"
    for _, path, _ in cdn.b2_host.asked:
        rest = path.removeprefix(folder)
        assert path.startswith(folder)
        assert "?" not in rest and not re.search(r"(^|/)(\.|%2e){1,2}(/|$)", rest, re.IGNORECASE)


def test_another_host_and_other_methods_are_refused(cdn: Cdn) -> None:
    cdn.put()
    elsewhere = cdn.get(PATH, {"host": "evil.example.com"})
    posted = [cdn.get(PATH, method=method) for method in ("POST", "PUT", "DELETE", "OPTIONS")]

    assert elsewhere.status == 421
    assert {(answer.status, answer.headers["allow"]) for answer in posted} == {(405, "GET, HEAD")}
    assert cdn.b2_host.asked == []


def test_what_is_not_there_is_not_kept(cdn: Cdn) -> None:
    absent = cdn.get(PATH)
    cdn.put()
    found = cdn.get(PATH)

    assert (absent.status, json.loads(absent.body)["code"]) == (404, "not_found")
    assert absent.headers.get_all("cache-control") == ["no-store"]
    assert VIEWER_HEADERS.items() <= dict(absent.headers).items()
    assert absent.headers["etag"] is None and not re.search("x-bz|backblaze", str(absent.headers))
    assert (found.status, found.body) == (200, BODY)
    assert cdn.get("/").body == b"There is no such image.\n"


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503])
def test_an_error_is_never_kept_even_if_it_says_so(cdn: Cdn, status: int) -> None:
    cdn.put()
    cdn.b2_host.answer = status, [("Cache-Control", "public, max-age=600")]
    refused = cdn.get(PATH)
    cdn.b2_host.forget()

    assert (refused.status, refused.headers["retry-after"]) == (status, "60" if status == 503 else None)
    assert refused.headers.get_all("cache-control") == ["no-store"]
    assert cdn.get(PATH).body == BODY


def test_what_is_kept_is_shown_while_b2_has_no_downloads_left(cdn: Cdn) -> None:
    cdn.put()
    cdn.put(path="/other.png")
    cdn.get(PATH)
    cdn.b2.faults.add(Fault("cap"))

    answers = [cdn.get("/other.png"), cdn.get(PATH), cdn.get("/other.png")]

    assert [answer.status for answer in answers] == [403, 200, 200]


def test_it_is_kept_as_b2_says(cdn: Cdn) -> None:
    cdn.put(cache_control="no-store")
    cdn.put(path="/short.png", cache_control="public, max-age=60")

    answers = [cdn.get(path) for path in (PATH, PATH, "/short.png", "/short.png")]

    assert [status_of_cache(answer) for answer in answers] == ["MISS", "MISS", "MISS", "HIT"]
    assert [answer.headers["cache-control"] for answer in answers[1::2]] == ["no-store", "public, max-age=60"]


def test_a_server_with_another_certificate_is_not_asked(b2: B2) -> None:
    b2.empty()
    with ExitStack() as stack:
        cdn = Cdn(stack, b2, (IMAGE_HOST, "f000.example.com"))
        cdn.put()

        refused = cdn.get(PATH)
        assert (refused.status, refused.headers["retry-after"]) == (503, "60")
        assert refused.body == b"The image store does not answer right now; try again in a moment.\n"
        assert cdn.b2_host.asked == []
        assert "does not match" in cdn.nginx.log()


def test_a_purge_takes_effect_and_one_that_b2_does_not_answer_changes_nothing(cdn: Cdn) -> None:
    cdn.put()
    cdn.put(path="/other.png")
    for path in (PATH, "/other.png"):
        cdn.get(path)
    cdn.delete()
    assert cdn.get(PATH).status == 200

    cdn.b2_host.answer = 503, []
    assert cdn.purge() == 503
    assert cdn.get(PATH).status == 200
    cdn.b2_host.forget()

    assert cdn.purge() == 404
    assert cdn.get(PATH).status == 404
    assert status_of_cache(cdn.get("/other.png")) == "HIT"
    cdn.put(b"new")
    assert cdn.purge() == 200
    assert cdn.get(PATH).body == b"new"


def test_the_purge_is_for_this_machine_alone() -> None:
    listens = re.findall(r"listen ([^;]+);", (DOCS / "nginx-cdn.conf").read_text())

    assert listens == ["443 ssl http2", "127.0.0.1:8089"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nginx, Server]]:
    """The app behind nginx-app.conf; it takes images up to 21 MB."""
    server = start_server(
        tmp_path_factory.mktemp("app") / "data",
        base_url=f"https://{APP_HOST}",
        trusted_proxies="1",
        max_upload_bytes="21MB",
        web_workers="1",
    )
    replaced = {"server 127.0.0.1:8080": f"server 127.0.0.1:{server.port}"}
    with Nginx("nginx-app.conf", APP_HOST, replaced, (APP_HOST,)) as nginx:
        yield nginx, server
    server.stop()


def noise(side: int) -> bytes:
    """Return a PNG of a little more than 3 * `side` squared bytes."""
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(file, "PNG", compress_level=0)
    return file.getvalue()


def send_all_then_read(nginx: Nginx, size: int, body: bytes, token: str) -> tuple[int, dict[str, str]]:
    """Do as ShareX does: send every byte, and only then read."""
    head = (
        f"POST /api/upload HTTP/1.1\r\nHost: {APP_HOST}\r\nContent-Length: {size}\r\nContent-Type: image/png\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    with nginx.connect() as sock:
        sock.sendall(head.encode())
        for at in range(0, size, 32 * 1024):
            sock.sendall(body[at : at + 32 * 1024])
        response = http.client.HTTPResponse(sock)
        response.begin()
        return response.status, json.loads(response.read())


def test_20_mb_pass_through_nginx(app: tuple[Nginx, Server]) -> None:
    nginx, _ = app
    image = noise(2600)
    assert len(image) > 20_000_000

    status, answer = send_all_then_read(nginx, len(image), image, OWNER)

    assert (status, answer["size"], answer["sha256"]) == (201, len(image), hashlib.sha256(image).hexdigest())
    assert answer["url"] == f"https://{APP_HOST}/{answer['key']}"
    got = nginx.ask(f"/{answer['key']}", {"range": "bytes=0-7"})
    assert (got.status, got.body, got.headers["cache-control"]) == (206, image[:8], CACHE_CONTROL)
    assert list((nginx.folder / "body").iterdir()) == [], "nothing was kept on nginx's own disk"


@pytest.mark.parametrize(
    ("status", "code", "size", "token"),
    [(401, "unauthorized", 20 * MIB, "bb_wrong"), (413, "too_large", 30 * MIB, OWNER),
     (415, "unsupported_type", MIB, OWNER)],
)  # fmt: skip
def test_a_refusal_reaches_a_client_that_sends_all_before_it_reads(
    app: tuple[Nginx, Server], status: int, code: str, size: int, token: str
) -> None:
    nginx, _ = app
    body = bytes(size)

    for _ in range(5):
        got, answer = send_all_then_read(nginx, size, body, token)
        assert (got, answer["code"], set(answer)) == (status, code, {"error", "code", "request_id"})


def test_the_app_knows_a_client_by_the_address_that_nginx_saw(app: tuple[Nginx, Server]) -> None:
    """Ten sign-ins in a quarter of an hour: a forged address does not begin anew, another client does."""
    nginx, _ = app
    head = {"content-type": "application/x-www-form-urlencoded", "origin": f"https://{APP_HOST}"}

    def sign_in(number: int, source: str = "127.0.0.1") -> int:
        forged = {**head, "x-forwarded-for": f"203.0.113.{number}"}
        return nginx.ask("/login", forged, "POST", b"token=x", source=source).status

    statuses = [sign_in(number) for number in range(11)]

    assert statuses == [401] * 10 + [429]
    assert sign_in(0, "127.0.0.2") == 401
    assert nginx.ask("/login", {"host": "evil.example.com"}).status == 421
