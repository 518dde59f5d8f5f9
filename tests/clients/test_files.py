"""Each client's file by the rules of the program that reads it, empty and filled; and its guide, told once."""

import configparser
import json
import plistlib
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Parser

from app import clients
from app.client import config
from app.clients import CLIENTS, Bucket, Host, Needs, fill, find
from app.errors import NotOffered
from app.resources import folder
from tests.conftest import UPLOADER

SHAREX, GUIDES = folder("sharex"), folder("docs") / "clients"
HOST = Host("https://pics.example.com", Bucket("https://s3.example.com", "us-west-004", "my-pictures"))


def filled(name, host=HOST):
    return fill(find(name), host, UPLOADER)


def both(name):
    """Return a client's file as it stands in sharex/, and filled."""
    return [(SHAREX / find(name).template).read_bytes().decode(), filled(name)]


def test_every_file_of_sharex_belongs_to_a_client_and_every_guide_too():
    assert {client.template for client in CLIENTS} == {path.name for path in SHAREX.iterdir()} - {"README.md"}
    assert {f"{client.name}.md" for client in CLIENTS} == {path.name for path in GUIDES.iterdir()} - {"README.md"}
    assert len({client.name for client in CLIENTS}) == len(CLIENTS)
    assert {client.system for client in CLIENTS} == set(clients.SYSTEMS)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_guide_has_the_title_of_its_client_and_numbered_steps(client):
    told = clients.guide(client, HOST)

    assert told.title == client.title
    steps = re.findall(r"(?m)^([0-9]+)\. ", told.steps)
    assert [int(number) for number in steps] == list(range(1, len(steps) + 1)) and len(steps) >= 2
    assert "HOST" not in told.steps + told.more
    assert f"[{client.title}]({client.name}.md)" in (GUIDES / "README.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", told.steps + told.more)
    assert all((GUIDES / link).is_file() for link in links)
    if client.is_program:
        assert f"~/.local/bin/{client.file_name}" in told.steps


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_nothing_but_the_owners_own_pair_is_left_to_fill_in(client):
    text = fill(client, HOST, UPLOADER)

    assert not re.search(r"\b(HOST|TOKEN|ENDPOINT|REGION|BUCKET)\b", text)
    assert (UPLOADER in text) == (client.needs is Needs.TOKEN)
    assert ("SECRET_ACCESS_KEY" in text) == (client.needs is Needs.BUCKET)


HOSTILE = ["https://h/$(id)", "https://h/`id`", "https://h/'x", 'https://h/"x', "https://h/a b", "https://h/%TEMP%"]
HOSTILE += ["https://h/{x}", "https://h/a;b", "https://h/a&b", "https://h/<b>", "https://h/é", "https://h/\n", "h", ""]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_no_file_holds_what_could_be_syntax_in_it(client):
    for url in HOSTILE:
        with pytest.raises(ValueError, match="cannot hold"):
            fill(client, Host(url, HOST.bucket), UPLOADER)
        with pytest.raises(ValueError, match="cannot hold"):
            fill(client, Host(HOST.base_url, Bucket(url, "r", "b")), UPLOADER)
    if client.needs is Needs.TOKEN:
        for token in ("", "a b" * 10, "'" + "x" * 30, UPLOADER + "\n", UPLOADER + "$(id)"):
            with pytest.raises(ValueError, match="cannot hold"):
                fill(client, HOST, token)


def test_what_is_filled_in_is_not_filled_again():
    text = fill(find("shell"), Host("https://TOKEN.example.com"), "HOST_HOST_HOST_HOST")

    assert "https://TOKEN.example.com/api/upload/" in text and "Bearer HOST_HOST_HOST_HOST'" in text


def test_without_a_bucket_there_is_nothing_for_s3_clients():
    with pytest.raises(NotOffered, match="folder"):
        fill(find("rclone"), Host("https://pics.example.com"))


# Scripts

CHECKS = {".sh": [["bash", "-n"], ["shellcheck"]], ".fish": [["fish", "-n"]]}


@pytest.mark.parametrize("name", ["shell", "fish", "finder", "ksnip", "dolphin", "flameshot", "maim"])
def test_scripts_pass_their_shell_and_shellcheck(name, tmp_path):
    suffix = Path(find(name).template).suffix
    checks = CHECKS[suffix] + ([["zsh", "-n"]] if name in ("shell", "finder") else [])
    for text in both(name):
        path = tmp_path / f"script{suffix}"
        path.write_text(text)
        for check in checks:
            if shutil.which(check[0]):
                done = subprocess.run([*check, path], capture_output=True, text=True, timeout=60, check=False)
                assert (done.returncode, done.stdout + done.stderr) == (0, ""), check


def test_a_screenshot_script_takes_the_program_it_is_named_for():
    tools = {client.name: client.tool for client in CLIENTS if client.tool}

    assert len(tools) == 5
    for name, tool in tools.items():
        assert f"tool=${{1:-{tool}}}\n" in filled(name)
        assert f"\n    {tool}) {tool} " in filled(name)


def test_powershell_parses_the_function():
    parser = Parser(Language(tree_sitter_powershell.language()))
    for text in both("powershell"):
        assert text.isascii(), "5.1 reads a file without a BOM in the code page of the machine"
        tree = parser.parse(text.encode())
        assert not tree.root_node.has_error
        commands = set(re.findall(r"\b[A-Z][A-Za-z]+-[A-Z][A-Za-z]+\b", text)) - {"Send-Bowerbird"}
        assert commands == {"Get-Item", "Invoke-RestMethod", "ConvertFrom-Json", "Write-Error"}
        used = set(re.findall(r"(?m)^ +(\w+) +=", text))
        assert used <= {"Method", "Uri", "Headers", "ContentType", "Body", "UseBasicParsing"}, "5.1 has no other"


def test_cmd_reads_the_send_to_entry():
    """https://learn.microsoft.com/windows-server/administration/windows-commands/call: what %~1 is."""
    for text in both("sendto"):
        lines = text.split("\r\n")
        assert text.isascii() and "\n" not in "".join(lines), "cmd loses its labels in a file without CRLF"
        assert lines[0] == "@echo off" and lines[-2:] == ["exit", ""]
        assert not re.search(r'(?<!")%~1', text), "a name is never without quotes"
        assert set(re.findall(r"goto (\w+)", text)) == set(re.findall(r"(?m)^:(\w+)", text))
        assert all(line.count('"') % 2 == 0 for line in lines)
        assert set(re.findall(r"%(\w+)%", text)) == {"TEMP", "RANDOM", "answer", "addresses"}


# JSON and property lists


def test_ishare_reads_its_file():
    """ishare/Util/CustomUploader.swift of https://github.com/castdrian/ishare: names, and the words of its enums."""
    for text in both("ishare"):
        config = json.loads(text)
        assert {"name", "requestURL", "responseURL"} <= set(config) and all(config.values())
        known = {"name", "requestURL", "headers", "formData", "fileFormName", "requestBodyType", "responseURL"}
        assert set(config) <= known | {"deletionURL", "deleteRequestType", "id"}
        assert config["requestBodyType"] in ("multipartformdata", "binary")
        assert config["deleteRequestType"] in ("GET", "DELETE")
        assert (config["responseURL"], config["deletionURL"]) == ("{{url}}", "{{deletion_url}}")
        assert config["fileFormName"] == "file"
    assert config["headers"] == {"Authorization": f"Bearer {UPLOADER}"}


def chatterino(text):
    """Return what Chatterino makes of an imported .sxcu: src/util/ImageUploader.cpp and the import of its settings in
    https://github.com/Chatterino/chatterino2."""
    config = json.loads(text)
    assert all(isinstance(config[name], str) for name in ("Version", "RequestURL", "FileFormName", "URL"))
    headers = ";".join(f"{name}: {value}" for name, value in config["Headers"].items())

    def pattern(template):
        return re.sub(r"\{json:([^}|]+)\}", lambda found: "{" + re.sub(r"\[(\w+)\]", r".\1", found[1]) + "}", template)

    return config["RequestURL"], config["FileFormName"], headers, pattern(config["URL"]), pattern(config["DeletionURL"])


def test_chatterino_makes_of_it_what_it_needs():
    url, field, headers, link, deletion = chatterino(filled("chatterino"))

    assert (url, field) == ("https://pics.example.com/api/upload", "file")
    assert headers.split(";") == [f"Authorization: Bearer {UPLOADER}"]
    assert (link, deletion) == ("{url}", "{deletion_url}")


def test_http_shortcuts_imports_its_file():
    """data/models and data/enums of https://github.com/Waboodoo/HTTP-Shortcuts, database version 81."""
    for text in both("http-shortcuts"):
        export = json.loads(text)
        [category] = export["categories"]
        [shortcut] = category["shortcuts"]
        ids = [one["id"] for one in (category, shortcut, *shortcut["headers"], *shortcut["parameters"])]
        assert export["version"] == 81 and category["layoutType"] == "linear_list"
        assert len({uuid.UUID(one) for one in ids}) == 4 and len(shortcut["name"]) <= 50
        assert (shortcut["method"], shortcut["requestBodyType"], shortcut["executionType"]) == (
            "POST",
            "form_data",
            "app",
        )
        [parameter] = shortcut["parameters"]
        assert (parameter["key"], parameter["type"]) == ("file", "file")
        kinds = ("file_picker", "file_picker_multi", "camera", "stored_file")
        assert parameter["fileUploadOptions"]["fileUploadType"] in kinds
        shown = shortcut["responseHandling"]
        assert shown["uiType"] in ("window", "dialog", "toast")
        assert shown["successOutput"] in ("message", "response", "none")
        assert shown["failureOutput"] in ("detailed", "simple", "none")
        assert not shortcut.get("excludeFromFileSharing")


def test_two_hosts_of_one_phone_do_not_replace_each_other():
    here, there = (json.loads(filled("http-shortcuts", Host(f"https://{name}.example"))) for name in ("a", "b"))

    assert here["categories"][0]["id"] != there["categories"][0]["id"]
    assert here == json.loads(filled("http-shortcuts", Host("https://a.example"))), "but each replaces itself"


def test_picgos_json_within_json_is_whole():
    """src/index.js of picgo-plugin-web-uploader 1.1.1: customHeader and customBody are JSON.parse'd where not empty."""
    for text in both("picgo"):
        config = json.loads(text)
        uploader = config["picBed"][config["picBed"]["uploader"]]
        assert config["picgoPlugins"] == {f"picgo-plugin-{config['picBed']['current']}": True}
        assert (uploader["paramName"], uploader["jsonPath"], uploader["customBody"]) == ("file", "url", "")
        headers = json.loads(uploader["customHeader"])
    assert headers == {"Authorization": f"Bearer {UPLOADER}"}


def test_apple_shortcuts_is_a_property_list_whose_outputs_come_before_they_are_used():
    """The format as `shortcuts sign` takes it: https://github.com/electrikmilk/cherri writes the same."""
    for text in both("shortcuts"):
        shortcut = plistlib.loads(text.encode())
        made = set()
        for action in shortcut["WFWorkflowActions"]:
            given = action["WFWorkflowActionParameters"]
            assert set(outputs_in(given)) <= made, action["WFWorkflowActionIdentifier"]
            made.add(given.get("UUID"))
        assert shortcut["WFWorkflowTypes"] == ["ActionExtension"], "the share sheet"
        request = shortcut["WFWorkflowActions"][0]["WFWorkflowActionParameters"]
        assert (request["WFHTTPMethod"], request["WFHTTPBodyType"]) == ("POST", "File")
        assert request["WFRequestVariable"]["Value"] == {"Type": "ExtensionInput"}
        told = shortcut["WFWorkflowActions"][-1]["WFWorkflowActionParameters"]["WFNotificationActionBody"]["Value"]
        for place in told["attachmentsByRange"]:
            start, length = map(int, re.fullmatch(r"\{(\d+), (\d+)\}", place).groups())
            assert told["string"][start : start + length] == "\ufffc"
    [header] = request["WFHTTPHeaders"]["Value"]["WFDictionaryFieldValueItems"]
    assert request["WFURL"] == "https://pics.example.com/api/upload"
    assert header["WFValue"]["Value"]["string"] == f"Bearer {UPLOADER}"


def outputs_in(value):
    if isinstance(value, dict):
        if value.get("Type") == "ActionOutput":
            yield value["OutputUUID"]
        for one in value.values():
            yield from outputs_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from outputs_in(one)


# S3


def test_the_command_line_reads_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "path", lambda: tmp_path / "config.toml")
    (tmp_path / "config.toml").write_text(filled("command-line"))

    assert config.choose(None, {}) == config.Server("https://pics.example.com", UPLOADER)


def test_a_bucket_without_tls_is_asked_without_tls():
    local = Host("http://127.0.0.1:8080", Bucket("http://127.0.0.1:9000", "us-west-004", "b"))
    config = configparser.ConfigParser()
    config.read_string(filled("s3cmd", local))

    assert (config["default"]["host_base"], config["default"]["use_https"]) == ("127.0.0.1:9000", "False")
    assert "endpoint = http://127.0.0.1:9000\n" in filled("rclone", local)
    assert "use_https = True" in filled("s3cmd")
