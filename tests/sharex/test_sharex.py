"""The .sxcu and the server as ShareX and its relatives need them: the checklist A to E."""

import io
import json
import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sharex.api
from shotx.upload.base import UploadError
from shotx.upload.custom import CustomUploader, SxcuParser

from app import clients
from app.resources import folder
from tests import samples
from tests.conftest import UPLOADER
from tests.sharex import wire

ORDER = [
    "Version",
    "Name",
    "DestinationType",
    "RequestMethod",
    "RequestURL",
    "Parameters",
    "Headers",
    "Body",
    "Arguments",
    "FileFormName",
    "Data",
    "URL",
    "ThumbnailURL",
    "DeletionURL",
    "ErrorMessage",
]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def config(live_server):
    return json.loads(clients.sxcu(live_server.url, UPLOADER))


def with_token(config, token):
    return config | {"Headers": {"Authorization": f"Bearer {token}"}}


def fetch(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read(), e.headers


# A. The exported file


def files():
    made = {f"{name!r}": clients.sxcu("https://pics.example.com", UPLOADER, name) for name in (None, *NAMES)}
    return made | {path.name: path.read_text() for path in folder("sharex").glob("*.sxcu")}


NAMES = ['"quoted" \\ name', "</script>", "émoji 😀 \u202egnp", "x" * 200, "two\nlines"]


@pytest.mark.parametrize("name", files())
def test_every_sxcu_is_what_all_clients_take(name):
    text = files()[name]
    config = json.loads(text)

    assert len(text.encode()) <= 4096 and "\0" not in text and not text.startswith("\ufeff")
    assert list(config) == [key for key in ORDER if key in config]
    assert all(config.values())
    assert tuple(map(int, config["Version"].split("."))) >= (14, 0, 0)
    assert config["DestinationType"] == "ImageUploader, FileUploader"
    assert (config["RequestMethod"], config["Body"], config["FileFormName"]) == ("POST", "MultipartFormData", "file")
    assert re.fullmatch(r"https://[A-Za-z.]+/api/upload", config["RequestURL"])
    assert list(config["Headers"]) == ["Authorization"]
    assert re.fullmatch(r"Bearer [A-Za-z0-9_.-]+", config["Headers"]["Authorization"])
    assert [config[key] for key in ("URL", "ThumbnailURL", "DeletionURL", "ErrorMessage")] == [
        "{json:url}",
        "{json:thumbnail_url}",
        "{json:deletion_url}",
        "{json:error}",
    ]
    assert "\n" not in config["Name"]


@pytest.mark.parametrize(
    ("base_url", "token"),
    [("https://h/{x}", UPLOADER), ("https://h/%y", UPLOADER), ("https://h", "a b"), ("https://h", "x" * 30 + "|")],
)
def test_no_sxcu_holds_what_is_syntax_in_it(base_url, token):
    with pytest.raises(ValueError, match="cannot hold"):
        clients.sxcu(base_url, token)


def test_every_template_is_found_in_real_answers(config):
    taken, refused = wire.upload(config, samples.make("png", seed=500)), wire.upload(config, b"<html>")

    for name in ("URL", "ThumbnailURL", "DeletionURL"):
        assert wire.resolve(config[name], taken).startswith("http")
    assert wire.resolve(config["ErrorMessage"], taken) == ""
    assert "text/" in wire.resolve(config["ErrorMessage"], refused)


# B. Accepting requests


@pytest.mark.parametrize("generation", [wire.net9, wire.net48])
@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "text/html", None])
@pytest.mark.parametrize("arguments", [{}, {"album": "2026", "title": "ünï"}])
def test_sharex_is_answered(config, generation, content_type, arguments):
    options = {"generation": generation, "content_type": content_type, "arguments": arguments}
    answer = wire.upload(config, samples.make("png", seed=501), **options)

    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert "content-encoding" not in answer.headers


NAMES_SENT = [
    "é ü😀.png",
    "x" * 250,
    "a;b.png",
    "..\\..\\x.png",
    "../x.png",
    "CON.png",
    "noextension",
    ".png",
    "Test.png",
]


@pytest.mark.parametrize("file_name", NAMES_SENT)
def test_any_file_name_is_taken_and_none_gets_into_the_address(config, file_name):
    url = wire.resolve("{json:url}", wire.upload(config, samples.make("png", seed=502), file_name))

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[A-Za-z0-9]+\.png", url)


@pytest.mark.parametrize("name", ["image", "files[]", "sharex"])
def test_a_wrong_field_name_is_told(config, name):
    answer = wire.upload(config, samples.make("png"), name=name)

    assert answer.status == 400
    assert "'file'" in wire.resolve("{json:error}", answer)


def test_a_part_with_a_length_of_its_own_is_taken(config):
    image = samples.make("png", seed=503)
    body = wire.multipart(image, "control_v.png", f"image/png\r\nContent-Length: {len(image)}", {}, "file")

    assert wire.send(config, wire.net9(config, body), body).status == 201


@pytest.mark.parametrize("kind", samples.TYPES)
def test_every_format_is_answered_with_an_address_of_its_true_type(config, kind):
    answer = wire.upload(config, samples.make(kind, seed=504), f"x.{kind}")
    url = wire.resolve("{json:url}", answer)

    assert url.rpartition(".")[2] == {"jpeg": "jpg", "heif": "jpg", "tiff": "png", "bmp": "png"}.get(kind, kind)
    status, _, headers = fetch(url)
    assert (status, headers["Content-Type"]) == (200, json.loads(answer.text)["content_type"])


def test_twenty_at_once_get_twenty_addresses(config):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda seed: wire.upload(config, samples.make("png", seed=seed)), range(600, 620)))

    assert len({wire.resolve("{json:url}", answer) for answer in answers}) == 20


# C. The answer


def test_the_answer_holds_what_a_clipboard_needs(config):
    answer = wire.upload(config, samples.make("png", seed=505))
    body = json.loads(answer.text)

    assert answer.text.isascii() and "\\/" not in answer.text and "\\u" not in answer.text
    assert answer.text.count('"url":"') == 1
    for name in ("url", "thumbnail_url", "deletion_url"):
        assert isinstance(body[name], str) and not re.search(r"\s", body[name])
        assert not re.match(r"\d{4}-\d\d-\d\dT", body[name])
    mobile = re.search(r'"url"\s*:\s*"([^"]+)"', answer.text)[1]
    assert mobile == body["url"]


def test_sharexs_repeat_of_a_failed_upload_gets_the_first_address(config):
    image = samples.make("png", seed=506)

    assert wire.upload(config, image).text == wire.upload(config, image, "another_name.png").text


# D. Refusals


@pytest.mark.parametrize(
    ("change", "data", "status"),
    [
        ({"Headers": {"Authorization": "Bearer " + "x" * 40}}, samples.make("png"), 401),
        ({"Headers": {}}, samples.make("png"), 401),
        ({"path": "/api/uplaod"}, samples.make("png"), 404),
        ({"RequestMethod": "PUT"}, samples.make("png"), 405),
        ({}, bytes(101 * MIB), 413),
        ({}, b"%PDF-1.7" + bytes(5 * MIB), 415),
        ({}, samples.make("png")[:3000] + bytes(5 * MIB), 422),
        ({}, b"", 400),
    ],
)
def test_every_refusal_is_one_line_that_a_toast_can_show(config, live_server, change, data, status):
    path = change.pop("path", "/api/upload") if "path" in change else "/api/upload"
    answer = wire.upload(config | {"RequestURL": live_server.url + path} | change, data)
    body = json.loads(answer.text)

    assert answer.status == status
    assert 0 < len(wire.resolve("{json:error}", answer)) <= 200 and "\n" not in body["error"]
    assert len(body["code"]) <= 20
    assert not re.search(r"Traceback|/home|/tmp|\.py|bb_", answer.text)


# E. Deletion


def test_a_deletion_address_in_a_browser_asks_and_its_button_deletes(config):
    answer = wire.upload(config, samples.make("png", seed=507))
    url, deletion = wire.resolve("{json:url}", answer), wire.resolve("{json:deletion_url}", answer)

    for method in ["GET"] * 10 + ["HEAD"]:
        status, _page, headers = fetch(deletion, method)
        assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert headers["X-Robots-Tag"] == "noindex" and headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store" and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert fetch(url)[0] == 200
    assert fetch(deletion, "POST")[0] == 200
    assert (fetch(url)[0], fetch(deletion)[0]) == (404, 410)
    assert fetch(deletion, "DELETE")[0] == 204
    assert fetch(deletion[:-1] + "_", "DELETE")[0] == 404


# The relatives


def test_sharex_cli_uploads_with_the_very_file(live_server, tmp_path: Path):
    (tmp_path / "x.sxcu").write_text(clients.sxcu(live_server.url, UPLOADER))
    image = samples.make("png", seed=508)
    (tmp_path / "a.png").write_bytes(image)

    url = sharex.api.upload_file(
        sharex.api.get_config(tmp_path / "x.sxcu"), "a.png", io.BytesIO(image), tmp_path / "a.png"
    )

    assert fetch(url)[1] == image
    sharex.api.session.close()


def test_shotx_uploads_with_the_very_file_and_shows_a_refusal(live_server, tmp_path: Path):
    (tmp_path / "x.sxcu").write_text(clients.sxcu(live_server.url, UPLOADER))
    (tmp_path / "a.png").write_bytes(samples.make("png", seed=509))
    (tmp_path / "b.png").write_bytes(b"<html>")
    uploader = CustomUploader(SxcuParser.load(tmp_path / "x.sxcu"))

    assert fetch(uploader.upload(tmp_path / "a.png"))[1] == samples.make("png", seed=509)
    with pytest.raises(UploadError):
        uploader.upload(tmp_path / "b.png")


def test_bowerbird_sxcu_prints_a_file_that_works(live_server):
    config = json.loads(live_server.run("sxcu"))

    assert wire.upload(config, samples.make("png", seed=510)).status == 201
