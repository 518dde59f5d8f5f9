"""The app that a browser installs, as the server tells it: manifest, worker, shell, and the form of a share."""

import io
import json
import re

from tests import samples
from tests.web.test_pages import csrf, sign_in

SHELL = re.compile(r"self\.SHELL = (\{.*\});\n")


def shell(client):
    return json.loads(SHELL.match(client.get("/sw.js").text)[1])


def test_the_manifest_has_all_that_installing_takes(client):
    answer = client.get("/manifest.webmanifest")
    manifest = answer.json

    assert answer.content_type == "application/manifest+json"
    assert (manifest["id"], manifest["start_url"], manifest["scope"], manifest["display"]) == (
        "/",
        "/",
        "/",
        "standalone",
    )
    assert {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]} >= {
        ("192x192", "any"),
        ("512x512", "any"),
        ("512x512", "maskable"),
    }
    for icon in manifest["icons"]:
        assert client.get(icon["src"]).content_type.startswith(icon["type"])
    assert manifest["share_target"]["params"]["files"] == [{"name": "files", "accept": ["image/*"]}]


def test_the_worker_is_asked_for_again_each_time_and_knows_every_file_of_the_page(client):
    answer = client.get("/sw.js")
    files = set(shell(client)["files"])

    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.content_type == "text/javascript; charset=utf-8"
    for path in files:
        if path.endswith(".js"):
            imported = re.findall(r"""["']\./([\w.-]+\.js)["']""", client.get(path).text)
            assert {f"/static/{name}" for name in imported} <= files
    assert {"/static/upload.js", "/static/outbox.js", "/static/bowerbird.css", "/static/app.js"} <= files


def test_the_shell_is_the_same_for_everyone_and_has_no_secret_of_a_session(client):
    address = f"/shell/{shell(client)['version']}/upload"
    for_nobody = client.get(address)
    sign_in(client)
    secret = csrf(client)

    for_the_owner = client.get(address)

    assert for_nobody.text == for_the_owner.text
    assert 'name="csrf-token" content=""' in for_the_owner.text and secret not in for_the_owner.text
    assert for_the_owner.headers["Cache-Control"] == "no-store"


def test_no_shell_of_another_version_is_given(client):
    assert client.get("/shell/0.0.0-000000000000/upload").status_code == 404


def test_a_share_that_no_worker_took_is_told_and_uploads_nothing(client):
    sign_in(client)
    image = io.BytesIO(samples.make("png"))
    form = {"csrf": csrf(client), "files": (image, "a.png"), "text": "x" * 100_000}

    answer = client.post("/share", data=form, content_type="multipart/form-data")

    assert answer.status_code == 409
    assert "share again" in answer.text
    assert client.get("/api/uploads").json["uploads"] == []


def test_strangers_are_not_offered_the_app(client):
    for path in ("/nothing/here", "/d/k7Wq3Zpx.png/wrong"):
        page = client.get(path, headers={"Accept": "text/html"}).text
        assert "<footer" in page and "manifest" not in page and "app.js" not in page
    assert "manifest.webmanifest" in client.get("/login").text


def test_the_policy_allows_the_app_and_no_more(client):
    policy = client.get("/login").headers["Content-Security-Policy"].split("; ")

    assert {"worker-src 'self'", "manifest-src 'self'", "default-src 'none'"} <= set(policy)
