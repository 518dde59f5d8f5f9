"""What the clients send by their files, shaped as each shapes it, and what they make of the answer."""

import json
import plistlib
import re
import urllib.error
import urllib.request

import pytest

from app.clients import Host, fill, find
from tests import samples
from tests.conftest import UPLOADER

BOUNDARY = "----a-boundary"


@pytest.fixture
def filled(live_server):
    return lambda name, token=UPLOADER: fill(find(name), Host(live_server.url), token)


def part(name, file_name, *headers):
    """Return what puts a file into a multipart body of its own."""
    lines = [
        f"--{BOUNDARY}",
        f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"',
        *headers,
        "",
        "",
    ]
    return lambda data: "\r\n".join(lines).encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def send(url, headers, data=None, method="POST"):
    """Send a request and return its status and text; a multipart body gets its Content-Type."""
    if data and data.startswith(f"--{BOUNDARY}".encode()):
        headers = headers | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()


def ishare(text, data):
    config = json.loads(text)
    body = part(config["fileFormName"], "shot.png", "Content-Type: image/png")(data)
    _, told = send(config["requestURL"], config["headers"] | {"x-file-name": "shot.png"}, body)
    return json.loads(told)[re.fullmatch(r"\{\{(\w+)\}\}", config["responseURL"])[1]]


def picgo(text, data):
    uploader = json.loads(text)["picBed"]["web-uploader"]
    headers = {"contentType": "multipart/form-data", "User-Agent": "PicGo"} | json.loads(uploader["customHeader"])
    _, found = send(uploader["url"], headers, part(uploader["paramName"], "a b.png")(data))
    found = json.loads(found)
    for step in uploader["jsonPath"].split("."):
        found = found[step]
    return found


def http_shortcuts(text, data):
    [shortcut] = json.loads(text)["categories"][0]["shortcuts"]
    headers = {one["key"]: one["value"] for one in shortcut["headers"]}
    name = shortcut["parameters"][0]["key"]
    body = part(name, "IMG_1.jpg", "Content-Type: image/jpeg", f"Content-Length: {len(data)}")(data)
    _, told = send(shortcut["url"], headers | {"User-Agent": "okhttp/4.12.0"}, body, shortcut["method"])
    return json.loads(told)[re.search(r"JSON\.parse\(response\.body\)\.(\w+)\)", shortcut["codeOnSuccess"])[1]]


def apple_shortcuts(text, data):
    actions = [one["WFWorkflowActionParameters"] for one in plistlib.loads(text.encode())["WFWorkflowActions"]]
    fields = actions[0]["WFHTTPHeaders"]["Value"]["WFDictionaryFieldValueItems"]
    headers = {one["WFKey"]["Value"]["string"]: one["WFValue"]["Value"]["string"] for one in fields}
    _, told = send(actions[0]["WFURL"], headers | {"Content-Type": "image/png"}, data, actions[0]["WFHTTPMethod"])
    return json.loads(told)[actions[1]["WFDictionaryKey"]]


def powershell(text, data):
    url, token = re.search(r"Uri += '([^']+)'", text)[1], re.search(r"Authorization = '([^']+)'", text)[1]
    headers = {"Authorization": token, "Content-Type": "application/octet-stream"}
    _, told = send(f"{url}%5B1%5D%20%C3%BC.png", headers, data, "PUT")
    return json.loads(told)["url"]


def chatterino(text, data):
    config = json.loads(text)
    lines = ("Content-Type: image/png", f"Content-Length: {len(data)}")
    _, told = send(config["RequestURL"], config["Headers"], part(config["FileFormName"], "control_v.png", *lines)(data))
    return json.loads(told)[re.fullmatch(r"\{json:(\w+)\}", config["URL"])[1]]


def xerahs(text, data):
    fields = dict(re.split(r": +", line, maxsplit=1) for line in text.splitlines())
    name, value = fields["Header"].split(": ")
    _, told = send(fields["Request URL"], {name: value}, part(fields["File form name"], "1000.png")(data))
    return re.search(fields["URL expression"], told)[1]


CLIENTS = {
    "ishare": ishare,
    "picgo": picgo,
    "http-shortcuts": http_shortcuts,
    "shortcuts": apple_shortcuts,
    "powershell": powershell,
    "chatterino": chatterino,
    "xerahs": xerahs,
}


@pytest.mark.parametrize("name", CLIENTS)
def test_what_a_client_copies_is_the_address_of_the_image(filled, name):
    data = samples.make("png", seed=7_500 + list(CLIENTS).index(name))
    url = CLIENTS[name](filled(name), data)

    with urllib.request.urlopen(url) as answer:
        assert answer.read() == data


def test_ishare_deletes_by_the_link_and_apples_shortcut_shows_the_reason(filled):
    config = json.loads(filled("ishare"))
    _, told = send(config["requestURL"], config["headers"], part("file", "a.png")(samples.make("png", seed=7_600)))
    link = json.loads(told)[config["deletionURL"].strip("{}")]
    status, _ = send(link, config["headers"], method=config["deleteRequestType"])
    shortcut = plistlib.loads(filled("shortcuts").encode())["WFWorkflowActions"]
    _, refused = send(config["requestURL"], config["headers"], b"no image")

    assert status == 204
    key = shortcut[2]["WFWorkflowActionParameters"]["WFDictionaryKey"]
    assert json.loads(refused)[key] and "url" not in json.loads(refused)
