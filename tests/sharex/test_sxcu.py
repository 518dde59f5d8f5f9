"""The .sxcu that the app hands out: checklist A of what ShareX and its relatives need of the file."""

import json
import re

import pytest

from app import clients
from app.resources import folder
from tests import samples
from tests.conftest import OWNER, UPLOADER
from tests.sharex.item import load
from tests.sharex.syntax import Syntax
from tests.sharex.uploader import ShareX

ORDER = ["Version", "Name", "DestinationType", "RequestMethod", "RequestURL", "Parameters", "Headers", "Body"]
ORDER += ["Arguments", "FileFormName", "Data", "URL", "ThumbnailURL", "DeletionURL", "ErrorMessage"]
NAMES = ['"quoted" \\ name', "</script>", "émoji 😀 \u202egnp", "x" * 200, "two\nlines"]


def files():
    made = {f"{name!r}": clients.sxcu("https://pics.example.com", UPLOADER, name) for name in (None, *NAMES)}
    return made | {path.name: path.read_text() for path in folder("sharex").glob("*.sxcu")}


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


@pytest.mark.parametrize("name", files())
def test_every_sxcu_is_imported_as_it_stands_for_images_and_files(name):
    text = files()[name]
    config, item = json.loads(text), load(text.encode())

    assert (
        item.question() == f'Would you like to set "{config["Name"]}" as the active custom uploader for images/files?'
    )
    assert {name: item[name] for name in config if name != "DestinationType"} == {
        name: config[name] for name in config if name != "DestinationType"
    }
    assert item.request_url(Syntax("a b.png")) == config["RequestURL"]
    assert item.expanded("Headers", Syntax("a b.png")) == config["Headers"]


@pytest.mark.parametrize(
    ("base_url", "token"),
    [("https://h/{x}", UPLOADER), ("https://h/%y", UPLOADER), ("https://h", "a b"), ("https://h", "x" * 30 + "|")],
)
def test_no_sxcu_holds_what_is_syntax_in_it(base_url, token):
    with pytest.raises(ValueError, match="cannot hold"):
        clients.sxcu(base_url, token)


def test_a_download_is_a_file_with_a_token_that_works_until_it_is_revoked(make_app):
    """Through the app, for it costs a sign-in."""
    app = make_app()
    client, parts = app.test_client(), app.extensions["bowerbird"]
    assert client.post("/clients/sharex", data={}).status_code == 401
    client.post("/login", data={"token": OWNER})
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/clients").text)[1]
    first, second = (client.post("/clients/sharex", data={"csrf": csrf}) for _ in range(2))

    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9.-]+\.sxcu"', first.headers["Content-Disposition"])
    assert (first.headers["Cache-Control"], first.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    tokens = [load(answer.data)["Headers"] for answer in (first, second)]
    assert tokens[0] != tokens[1]
    send = lambda: [client.post("/api/upload", data=samples.make("png"), headers=one).status_code for one in tokens]  # noqa: E731
    assert send() == [201, 201]
    parts.catalog.tokens.revoke("ShareX", now=parts.uploads.clock())
    assert send() == [401, 201]


def test_bowerbird_sxcu_prints_a_file_that_works(live_server):
    assert ShareX(live_server.run("sxcu")).upload(samples.make("png", seed=590), "a.png").errors == []
