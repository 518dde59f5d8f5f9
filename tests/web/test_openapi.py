"""The document of the API: complete, valid, and true of the running server."""

import io
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import jsonschema
import pytest

from app import errors
from app.web.errors import STATUS
from app.web.openapi.pieces import KEY, TOO_LONG
from app.web.openapi.resumable import ID
from app.web.openapi.schemas import OPTIONS
from app.web.options import NAMES
from tests import samples
from tests.conftest import OWNER, start_server
from tests.hostile.examples import MANY

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
AUTH = {"Authorization": f"Bearer {OWNER}"}
SECRET = "a-webhook-secret-of-the-tests"
FOR_PROGRAMS = ("/api", "/healthz", "/readyz", "/metrics", "/hooks", "/d/")


@pytest.fixture
def document(client):
    return client.get("/api/openapi.json").json


def operations(document):
    return {
        (method, path): one
        for path, item in document["paths"].items()
        for method, one in item.items()
        if method != "parameters"
    }


def check(document, schema, value):
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_it_is_valid_by_the_standards_own_schema(document):
    from schemathesis.specs.openapi.definitions import OPENAPI_31  # takes seconds, and each worker collects all files

    jsonschema.Draft202012Validator(OPENAPI_31).validate(document)

    assert document["openapi"].startswith("3.1.")
    assert len({one["operationId"] for one in operations(document).values()}) == len(operations(document))


def test_every_route_for_programs_stands_in_it_and_nothing_else(app, document):
    routes = {
        (method.lower(), re.sub(r"<(?:[^<>:]+:)?(\w+?)_?>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(FOR_PROGRAMS)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    by_themselves = {("head", path) for _, path in routes} | {("options", path) for _, path in routes}
    assert routes <= set(operations(document)) <= routes | by_themselves


def test_every_status_and_code_is_one_of_the_errors_own(document):
    codes = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    codes |= {code for _, code in TOO_LONG.values()}

    for one in operations(document).values():
        for status, answer in one["responses"].items():
            for media in answer.get("content", {}).values():
                told = media["schema"].get("properties", {}).get("code", {}).get("enum", [])
                assert int(status) < 400 or status in TOO_LONG or int(status) in STATUS.values()
                assert set(told) <= codes


def test_every_example_is_one_of_its_schema(document):
    count = 0
    for one in operations(document).values():
        for holder in (one.get("requestBody", {}), *one["responses"].values()):
            for media in holder.get("content", {}).values():
                if "example" in media:
                    check(document, media["schema"], media["example"])
                    count += 1
        for parameter in one.get("parameters", []):
            if "example" in parameter:
                check(document, parameter["schema"], parameter["example"])

    assert count > 10


def test_an_upload_has_the_fields_that_are_documented_and_no_other(client, document):
    sent = client.post("/api/upload", data={"file": (io.BytesIO(samples.make("png")), "a.png")}, headers=AUTH).json
    shown = client.get(f"/api/uploads/{sent['key']}", headers=AUTH).json
    schemas = document["components"]["schemas"]
    upload, details = schemas["Upload"], schemas["Details"]["allOf"][1]

    assert list(sent) == upload["required"]
    assert set(upload["properties"]) - set(sent) == {"view_url", "converted_from"}
    assert set(shown) == set(sent) | set(details["properties"])
    assert details["required"] == list(details["properties"])
    assert tuple(OPTIONS) == NAMES


def test_anyone_may_read_it_and_no_secret_stands_in_it(make_app):
    app = make_app(webhook_secret=SECRET, base_url="https://up.example.com")
    text = app.test_client().get("/api/openapi.json").text

    assert SECRET not in text and app.extensions["bowerbird"].secret not in text
    assert json.loads(text)["servers"] == [{"url": "https://up.example.com"}]
    assert json.loads(text)["components"]["securitySchemes"]["session"]["name"] == "__Host-bowerbird"


def test_the_page_shows_all_of_it_without_a_script(client, document):
    page = client.get("/docs").text

    for (method, path), one in operations(document).items():
        assert f'<span class="method {method}">{method.upper()}</span> <code>{path}</code>' in page
        assert f'id="{one["operationId"]}"' in page
    assert page.count("<pre") > len(operations(document))
    assert "<script" not in page and len(page) < 100_000
    assert 'href="/docs"' in client.get("/login").text


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = {"webhook_secret": SECRET, "view_pages": "true", "trusted_proxies": "1"}
    server = start_server(tmp_path_factory.mktemp("described") / "data", **settings)
    yield server
    server.stop()


def send(server, idempotency_key):
    headers = {**AUTH, "Idempotency-Key": idempotency_key}
    request = urllib.request.Request(f"{server.url}/api/upload", samples.make("png"), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def begin(server):
    headers = {**AUTH, "Tus-Resumable": "1.0.0", "Upload-Length": str(len(samples.make("png")))}
    request = urllib.request.Request(f"{server.url}/api/tus", method="POST", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers["Location"].rpartition("/")[2]


def test_each_sample_for_a_shell_does_what_it_says(server, document, tmp_path):
    (tmp_path / "picture.png").write_bytes(samples.make("png"))
    environment = {**os.environ, "TOKEN": OWNER, "BOWERBIRD_WEBHOOK_SECRET": SECRET}
    key = deletion_token = ""
    for (method, path), one in operations(document).items():
        source = one["x-codeSamples"][0]["source"].replace(document["servers"][0]["url"], server.url)
        if "KEY" in source or KEY in source:  # each has an upload of its own
            line = (
                f"curl -s -H 'Authorization: Bearer {OWNER}' -H 'Idempotency-Key: {method}{path}' -F file=@picture.png"
            )
            made = json.loads(subprocess.check_output(f"{line} {server.url}/api/upload", shell=True, cwd=tmp_path))
            key, deletion_token = made["key"], made["deletion_url"].rpartition("/")[2]
        if ID in source:
            source = source.replace(ID, begin(server))
        shell = source.replace(KEY, key).replace("/KEY", f"/{key}").replace("curl ", "curl -s -w '\\n%{http_code}' ", 1)
        given = environment | {"DELETION_TOKEN": deletion_token}
        done = subprocess.run(
            ["bash", "-c", shell], cwd=tmp_path, env=given, capture_output=True, text=True, check=True
        )

        assert done.stdout.rpartition("\n")[2] in {s for s in one["responses"] if s < "300"}, (shell, done.stdout)


@pytest.mark.timeout(600)
def test_schemathesis_finds_nothing_that_is_not_so(server, tmp_path):
    """`make fuzz` does it for longer, with every operation and phase."""
    environment = {**os.environ, "TOKEN": OWNER, "SCHEMATHESIS_HOOKS": "tests.web.described", "PYTHONPATH": str(ROOT)}
    program, config = Path(sys.executable).parent / "schemathesis", HERE / "described.toml"
    command = [program, "--config-file", config, "run", f"{server.url}/api/openapi.json", "--no-color"]
    bounds = ["--generation-deterministic", "-n", "2", "--phases", "coverage,stateful"]
    for name in ("notify", "uploadByName", "overrideResumable"):  # what they take, others take too
        bounds += ["--exclude-operation-id", name]
    if MANY:  # then it also makes up words that are of no format of ours, and takes them for valid
        bounds = ["-n", str(min(MANY, 100)), "--exclude-checks", "positive_data_acceptance"]
    done = subprocess.run(
        [*command, *bounds], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout[-8000:]
