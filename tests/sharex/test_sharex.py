"""ShareX and its relatives against the real server: checklist B to E of what they need, by their own requests."""

import io
import itertools
import json
import re
import sqlite3
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sharex.api
from shotx.upload.base import UploadError
from shotx.upload.custom import CustomUploader, SxcuParser

from app import clients
from tests import samples
from tests.conftest import UPLOADER
from tests.sharex import wire
from tests.sharex.conftest import PER_HOUR, REFUSED, sxcu
from tests.sharex.syntax import Response
from tests.sharex.uploader import RETRY_S, ShareX

MIB = 1024 * 1024
SEEDS = itertools.count(50_000)
BOTH = [wire.NET9, wire.NET48]
TOKEN = {"Authorization": f"Bearer {UPLOADER}"}


@pytest.fixture
def make_sharex(live_server):
    """Return a maker of ShareX with the app's own .sxcu; fields of it may be changed."""
    made = []

    def make(generation=wire.NET9, **changes):
        made.append(ShareX(sxcu(live_server.url, **changes), generation))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def program(make_sharex):
    return make_sharex()


def fresh(kind="png"):
    """Return an image that nobody has sent before: a repeat would get the answer of the first."""
    return samples.make(kind, seed=next(SEEDS))


def fetch(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read(), e.headers


def stored(server):
    return {path.name for path in (server.data_dir / "objects").glob("??/*.*")}


def file_names(server):
    """Return the sender's name of each upload by its key."""
    with closing(sqlite3.connect(server.data_dir / "catalog.sqlite3")) as catalog:
        return dict(catalog.execute("SELECT key, file_name FROM uploads"))


# B. Accepting requests


@pytest.mark.parametrize("generation", BOTH)
def test_an_upload_gives_the_three_addresses_the_clipboard_and_a_history(make_sharex, generation):
    image = fresh()
    task = make_sharex(generation).upload(image, "chrome_aB3dE5fG7h.png")
    [answer] = task.answers
    body = json.loads(answer.text)

    assert (answer.status, answer.headers["content-type"]) == (201, "application/json")
    assert "content-encoding" not in answer.headers and task.errors == []
    assert task.clipboard == body["url"] == answer.headers["location"] and fetch(task.url)[1] == image
    assert task.is_image_url
    assert task.history == {
        "FileName": "chrome_aB3dE5fG7h.png",
        "Type": "Image",
        "Host": "Custom image uploader",
        "URL": body["url"],
        "ThumbnailURL": body["thumbnail_url"],
        "DeletionURL": body["deletion_url"],
        "ShortenedURL": "",
    }


@pytest.mark.parametrize("generation", BOTH)
def test_arguments_before_the_file_and_parameters_are_options_or_no_trouble(live_server, make_sharex, generation):
    given = {"album": "%y", "title": "ünï {filename}", "tags": "a\\|b", "x": "", "": "y"}
    one = make_sharex(generation, Arguments=given, Parameters={"s": "{base64:a:b}", "t": "", "expires": "7d"})

    task = one.upload(fresh(), "a.png")

    assert json.loads(task.answers[0].text)["expires_at"]
    with closing(sqlite3.connect(live_server.data_dir / "catalog.sqlite3")) as catalog:
        key = task.url.rpartition("/")[2]
        assert catalog.execute("SELECT title FROM uploads WHERE key = ?", (key,)).fetchone() == ("ünï a.png",)


def test_an_old_file_of_a_users_own_is_migrated_and_works(live_server, make_sharex):
    address = f"{live_server.url}/api/upload?expires=7d&old"
    old = {"URL": "$json:url$", "DeletionURL": "$json:deletion_url$", "ErrorMessage": "!$json:error$", "Data": None}
    one = make_sharex(Version="13.7.1", RequestURL=address, ThumbnailURL='$regex:"thumbnail_url":"(.+?)"|1$', **old)

    task, refused = one.upload(fresh(), "a.png"), one.upload(b"", "a.png")

    body = json.loads(task.answers[0].text)
    told = body["url"], body["thumbnail_url"], body["deletion_url"]
    assert (task.url, task.thumbnail_url, task.deletion_url) == told and body["expires_at"]
    assert refused.toast == "!the file is empty"


def test_the_type_of_the_part_is_never_believed(program):
    """XerahS for phones sends none, Chatterino a length beside it, and ShareX what the PC's registry says."""
    image, edge = fresh("gif"), wire.boundary()
    told = f"Content-Type: image/png\r\nContent-Length: {len(image)}\r\n"
    for line in (
        "Content-Type: application/octet-stream\r\n",
        told,
        "Content-Type: text/html\r\n",
        "Content-Type:\r\n",
        "",
    ):
        head = wire.part_head(edge, "file", "a.png").replace(b"Content-Type: image/png\r\n", line.encode())
        body, kind = wire.multipart(edge, {}, head, image), f"multipart/form-data; boundary={edge}"

        answer = program.send("POST", program.item["RequestURL"], TOKEN, kind, body)

        assert json.loads(answer.text).get("content_type") == "image/gif", line


NAMES = {
    "é ü😀.png": "é ü😀.png",
    "x" * 250: "x" * 250,
    "ü" * 246 + ".png": "ü" * 246 + ".png",
    "a;b.png": "a;b.png",
    "a=b, 'c'%41.png": "a=b, 'c'%41.png",
    "..\\..\\x.png": "x.png",
    "../x.png": "x.png",
    "CON.png": "CON.png",
    "noextension": "noextension",
    ".png": ".png",
    "Test.png": "Test.png",
    "a\tb\u202egnp.png": "abgnp.png",
    'say "cheese".png': 'say "cheese".png',
    '"q"': '"q"',
    'a\\"b".png': '"b".png',
    "=?utf-8?B?w6kgw7wucG5n?=": "é ü.png",
    "=?é?B?w6k=?=": "=?é?B?w6k=?=",  # no such encoding
    "=?iso-8859-1?Q?=E9_a.png?=": "é a.png",
    "=?nonsense?B?w6k?=.png": "=?nonsense?B?w6k?=.png",
    "": None,
}


@pytest.mark.parametrize("generation", BOTH)
def test_every_file_name_is_taken_kept_to_be_shown_and_never_part_of_an_address(live_server, generation):
    one = ShareX(sxcu(live_server.url, DestinationType="ImageUploader, FileUploader"), generation)
    tasks = {name: one.upload(fresh(), name) for name in NAMES}
    one.close()
    kept = file_names(live_server)

    assert [task.toast for task in tasks.values()] == [""] * len(NAMES)
    for name, task in tasks.items():
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[A-Za-z0-9]+\.png", task.url)
        assert kept[task.url.rpartition("/")[2]] == NAMES[name], name


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('name="file"; filename="x.png"; filename*=UTF-8\'\'%C3%A9%20%F0%9F%98%80.png', "é 😀.png"),
        ("name=file; filename=\"=?utf-8?B?eA==?=\"; filename*=utf-8''%c3%bc", "ü"),  # HttpClient's own
        ("name=\"file\"; filename*=iso-8859-1'en'%E9.png", "é.png"),
        ('name="file"; filename="x.png"; filename*=UTF-8\'\'%FF', "x.png"),
        ('name="file"; filename="x.png"; filename*=none\'\'a', "x.png"),
        ('filename="a; name=b.png"; name="file"', "a; name=b.png"),
        ('NAME="file";FILENAME="é.png"; size=12', "é.png"),
        ("name=file; filename=a.png", "a.png"),
    ],
)
def test_the_name_of_a_part_is_read_in_every_form_that_libraries_write(live_server, program, disposition, name):
    edge, image = wire.boundary(), fresh()
    head = f"--{edge}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
    body, kind = wire.multipart(edge, {}, head, image), f"multipart/form-data; boundary={edge}"

    answer = program.send("POST", program.item["RequestURL"], TOKEN, kind, body)

    assert file_names(live_server)[json.loads(answer.text)["key"]] == name


@pytest.mark.parametrize("kind", samples.TYPES)
def test_every_format_is_answered_with_an_address_of_its_true_type(program, kind):
    task = program.upload(fresh(kind), f"x.{kind}")

    became = {"jpeg": "jpg", "heif": "jpg", "tiff": "png", "bmp": "png"}.get(kind, kind)
    assert task.url.rpartition(".")[2] == became
    assert task.kind == ("Image" if kind in ("png", "jpeg", "gif", "tiff", "bmp") else "File")
    status, _, headers = fetch(task.url)
    assert (status, headers["Content-Type"]) == (200, json.loads(task.answers[0].text)["content_type"])


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_an_animation_stays_one(program, kind):
    image = samples.animated(kind, frames=3)

    assert fetch(program.upload(image, f"recording.{'a' * (kind == 'png')}{kind}").url)[1] == image


@pytest.mark.parametrize("name", ["recording.avi", "icon.ico", "drawing.svg", "page.html"])
def test_what_is_not_taken_is_told_with_the_type_that_was_found(make_sharex, name):
    data = {
        "avi": b"RIFF\x74\0\0\0AVI LIST\x68\0\0\0hdrlavih" + bytes(100),
        "ico": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0" + bytes(1128),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "html": b"<!doctype html><title>x</title>",
    }[name.rpartition(".")[2]]
    task = make_sharex(DestinationType="ImageUploader, TextUploader, FileUploader").upload(data, name)

    assert [answer.status for answer in task.answers] == [415, 415]
    assert "/" in task.toast and task.clipboard == ""


@pytest.mark.parametrize("name", ["image", "files[]", "sharex"])
def test_a_wrong_field_name_is_told(make_sharex, name):
    task = make_sharex(FileFormName=name).upload(samples.make("png"), "a.png")

    assert task.answers[-1].status == 400
    assert "'file'" in task.toast and repr(name) in task.toast


@pytest.mark.parametrize("generation", BOTH)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_binary_body_is_taken_with_its_name_in_the_address(live_server, make_sharex, generation, method):
    address = f"{live_server.url}/api/upload" + "/{filename}" * (method == "PUT")
    changes = {"Body": "Binary", "RequestMethod": method, "RequestURL": address, "FileFormName": None}
    image = fresh("jpeg")

    task = make_sharex(generation, **changes).upload(image, "é;a b.jpg")

    assert task.url.endswith(".jpg")
    assert file_names(live_server)[task.url.rpartition("/")[2]] == ("é;a b.jpg" if method == "PUT" else None)


@pytest.mark.parametrize("generation", BOTH)
def test_what_a_hand_made_sxcu_gets_wrong_is_told_in_words(make_sharex, generation):
    image = fresh()
    lost_boundary = make_sharex(generation, Headers=TOKEN | {"content-type": "multipart/form-data"})
    only_arguments = make_sharex(generation)
    url = only_arguments.item["RequestURL"]
    edge = wire.boundary()
    form = only_arguments.send(
        "POST", url, TOKEN, f"multipart/form-data; boundary={edge}", b"--" + edge.encode() + b"--\r\n"
    )
    none = only_arguments.send("POST", url, TOKEN, None, b"")
    shortened = only_arguments.send("POST", url, TOKEN, "application/json", b'{"image":"iVBORw0KGgo="}')
    encoded = only_arguments.send("POST", url, TOKEN, "application/x-www-form-urlencoded", b"image=iVBORw0KGgo%3D&x")

    assert "boundary" in lost_boundary.upload(image, "a.png").toast
    assert [answer.status for answer in (form, none, shortened, encoded)] == [400, 400, 400, 415]
    assert all("file" in json.loads(answer.text)["error"] for answer in (form, none))


@pytest.mark.parametrize("generation", BOTH)
def test_the_address_takes_no_other_method_and_says_which(make_sharex, generation):
    one = make_sharex(generation)
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = one.send(method, one.item["RequestURL"], TOKEN, None, b"")

        assert answer.status == 405 and "POST" in answer.headers["allow"]
        assert method == "HEAD" or json.loads(answer.text)["code"] == "method_not_allowed"


@pytest.mark.parametrize("generation", BOTH)
def test_custom_headers_change_the_answer_only_where_they_ask_to(make_sharex, generation):
    plain = make_sharex(
        generation, Headers=TOKEN | {"Accept": "text/plain"}, URL=None, ThumbnailURL=None, DeletionURL=None
    )
    other = make_sharex(
        generation,
        Headers={"authorization": TOKEN["Authorization"], "User-Agent": "x", "Cookie": "a=b", "Referer": "http://x/y"}
        | {"Origin": "null", "Accept-Encoding": "gzip, br", "Expect": "100-continue"},
    )

    assert fetch(plain.upload(fresh(), "a.png").clipboard)[0] == 200
    task = other.upload(fresh(), "a.png")
    assert task.errors == [] and "content-encoding" not in task.answers[0].headers


def test_the_host_that_a_client_names_is_never_in_the_addresses(live_server):
    one = ShareX(sxcu(live_server.url.replace("127.0.0.1", "localhost")))

    assert one.upload(fresh(), "a.png").url.startswith(live_server.url)


def test_twenty_at_once_get_twenty_addresses(program):
    with ThreadPoolExecutor(20) as pool:
        tasks = list(pool.map(lambda image: program.upload(image, "a.png"), [fresh() for _ in range(20)]))

    assert len({task.url for task in tasks} - {""}) == 20


# C. The answer


def test_every_way_of_other_clients_to_read_the_answer_finds_the_same(make_sharex):
    """Regular expressions (XerahS for phones), headers, paths, Chatterino's `{url}`."""
    image = fresh()
    ways = ["{json:url}", "{json:$.url}", "{json:{response}|url}", "{json:['url']}", "{header:Location}"]
    ways += ['{regex:"url"\\s*:\\s*"([^"]+)"|1}', '{regex:{response}|"url":"(?<u>[^"]+)"|u}']
    tasks = [make_sharex(URL=way).upload(image, "a.png") for way in ways]
    [text] = {task.answers[0].text for task in tasks}
    body = json.loads(text)

    assert {task.url for task in tasks} == {body["url"]}
    assert text.isascii() and "\\/" not in text and "\\u" not in text and text.count('"url":"') == 1
    for name in ("url", "thumbnail_url", "deletion_url", "key"):
        assert isinstance(body[name], str) and not re.search(r"\s", body[name])
        assert not re.match(r"\d{4}-\d\d-\d\dT", body[name])


@pytest.mark.parametrize("generation", BOTH)
def test_sharexs_repeat_gets_the_address_of_an_upload_whose_answer_was_lost(live_server, make_sharex, generation):
    programs, before = [make_sharex(generation), make_sharex(generation)], stored(live_server)
    one, image = programs[0], fresh()
    kind, body = wire.file_body("file", "a.png", image, {})
    with wire.connect(live_server.url) as lost:
        lost.sendall(wire.head(generation, "POST", one.item["RequestURL"], TOKEN, kind, len(body)) + body)

    with ThreadPoolExecutor(2) as pool:
        tasks = list(pool.map(lambda one: one.upload(image, "another name.png"), programs))

    assert len({task.url for task in tasks}) == 1 and tasks[0].errors == tasks[1].errors == []
    assert len(stored(live_server) - before) == 1


# D. Refusals


def fill(start):
    """Return 5 MB that begin with an image, or with what is none."""
    return start + bytes(5 * MIB - len(start))


PNG = fill(samples.make("png"))
REFUSALS = {
    "no token": ({"Headers": {}}, PNG, 401, "unauthorized"),
    "a mistyped token": ({"token": "nobody"}, PNG, 401, "unauthorized"),
    "a revoked token": ({"token": "revoked"}, PNG, 401, "unauthorized"),
    "a token that may not": ({"token": "looks"}, PNG, 403, "forbidden"),
    "no such address": ({"path": "/api/uplaod"}, PNG, 404, "not_found"),
    "a wrong method": ({"RequestMethod": "PATCH"}, PNG, 405, "method_not_allowed"),
    "too large": ({}, PNG + bytes(2 * MIB), 413, "too_large"),
    "no image": ({}, fill(b"%PDF-1.7"), 415, "unsupported_type"),
    "a broken image": ({}, fill(samples.make("png")[:3000]), 422, "bad_image"),
    "an empty file": ({}, b"", 400, "empty_file"),
    "over the rate": ({"token": "hasty"}, PNG, 429, "rate_limited"),
    "over the quota": ({"token": "full"}, PNG, 507, "quota_exceeded"),
    "the store is down": ({}, fill(samples.make("gif")), 503, "store_unavailable"),
    "something unforeseen": ({}, fill(samples.make("webp")), 500, "internal_error"),
}


@pytest.fixture(scope="module")
def _hasty(refusing_server):
    """The token `hasty` has had all of its uploads of this hour."""
    one = ShareX(sxcu(refusing_server.url, REFUSED["hasty"]))
    for _ in range(PER_HOUR):
        one.send("POST", one.item["RequestURL"], one.item["Headers"], None, b"")


@pytest.mark.usefixtures("_hasty")
@pytest.mark.parametrize("why", REFUSALS)
def test_every_refusal_of_5_mb_is_one_line_in_sharexs_toast(refusing_server, why):
    changes, data, status, code = REFUSALS[why]
    changes = dict(changes)
    token, path = REFUSED.get(changes.pop("token", ""), UPLOADER), changes.pop("path", "/api/upload")
    before, waits = stored(refusing_server), []
    file = sxcu(refusing_server.url, token, **{"RequestURL": refusing_server.url + path} | changes)
    one = ShareX(file, BOTH[list(REFUSALS).index(why) % 2], waits.append)
    task = one.upload(data, "chrome_aB3dE5fG7h.png")
    one.close()

    assert [isinstance(answer, Response) and answer.status for answer in task.answers] == [status] * 2, task.errors
    assert waits == [RETRY_S] and (task.url, task.clipboard) == ("", "")
    body = json.loads(task.answers[-1].text)
    assert (body["code"], body["error"]) == (code, task.toast) and len(code) <= 20
    assert 0 < len(task.toast) <= 200 and "\n" not in task.toast
    assert not re.search(r"Traceback|/home|/tmp|/srv|\.py|bb_", task.answers[-1].text)
    assert task.answers[-1].headers.get("retry-after", "").isdigit() == (status in (429, 503))
    assert stored(refusing_server) == before and not list((refusing_server.data_dir / "spool").iterdir())
    log = (refusing_server.data_dir.parent / "data.log").read_text()
    assert not re.search(r"(?m)^Traceback", log), "more than a line for a refusal"


def test_a_mistyped_token_tried_often_locks_nobody_out(program, make_sharex):
    wrong = make_sharex(Headers={"Authorization": f"Bearer {REFUSED['nobody']}"})

    assert {wrong.upload(b"x", "a.png").answers[-1].status for _ in range(20)} == {401}
    assert program.upload(fresh(), "a.png").errors == []


def test_a_connection_that_had_a_refusal_takes_the_next_upload(live_server, make_sharex):
    one = make_sharex(wire.NET48)

    for _ in range(3):
        assert one.upload(fill(b"%PDF-1.7"), "a.png").answers[-1].status == 415
        assert one.upload(fresh(), "a.png").errors == []


def test_where_no_json_comes_back_the_toast_says_so(live_server):
    one = ShareX(sxcu(live_server.url, RequestURL=f"{live_server.url}/login", RequestMethod="POST"))

    assert one.upload(b"x", "a.png").toast  # a page, or a refusal: never an upload
    assert one.upload(b"x", "a.png").failed


# E. Deletion


def test_a_deletion_address_in_a_browser_asks_and_its_button_deletes(live_server, program):
    task = program.upload(fresh(), "a.png")
    url, deletion = task.url, task.deletion_url

    for method in ["GET"] * 10 + ["HEAD"]:
        status, page, headers = fetch(deletion, method)
        assert status == 200 and headers["Content-Type"].startswith("text/html")
        assert method == "HEAD" or (b"<form" in page and b'method="post"' in page)
    assert headers["X-Robots-Tag"] == "noindex" and headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store" and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert fetch(url)[0] == 200
    wrong = deletion[:-1] + ("-" if deletion.endswith("_") else "_")
    assert fetch(wrong, "POST")[0] == fetch(wrong, "DELETE")[0] == 404
    assert fetch(url)[0] == 200
    assert fetch(deletion, "POST")[0] == 200
    assert (fetch(url)[0], fetch(deletion)[0], fetch(task.thumbnail_url)[0]) == (404, 410, 404)
    assert [fetch(deletion, "DELETE")[0] for _ in range(2)] == [204, 204]
    secret = deletion.rpartition("/")[2]
    assert len(secret) >= 20 and secret not in (live_server.data_dir.parent / "data.log").read_text()


# The relatives


def test_sharex_cli_uploads_with_the_very_file(live_server, tmp_path: Path):
    (tmp_path / "x.sxcu").write_text(clients.sxcu(live_server.url, UPLOADER))
    image = fresh()
    (tmp_path / "a.png").write_bytes(image)

    url = sharex.api.upload_file(
        sharex.api.get_config(tmp_path / "x.sxcu"), "a.png", io.BytesIO(image), tmp_path / "a.png"
    )

    assert fetch(url)[1] == image
    sharex.api.session.close()


def test_shotx_uploads_with_the_very_file_and_shows_a_refusal(live_server, tmp_path: Path):
    (tmp_path / "x.sxcu").write_text(clients.sxcu(live_server.url, UPLOADER))
    image = fresh()
    (tmp_path / "a.png").write_bytes(image)
    (tmp_path / "b.png").write_bytes(b"<html>")
    uploader = CustomUploader(SxcuParser.load(tmp_path / "x.sxcu"))

    assert fetch(uploader.upload(tmp_path / "a.png"))[1] == image
    with pytest.raises(UploadError):
        uploader.upload(tmp_path / "b.png")
