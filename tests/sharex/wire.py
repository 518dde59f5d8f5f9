"""Requests byte for byte as ShareX shapes them, and ShareX's way of reading what comes back.

Source: ShareX 19.0.2, BaseUploaders/Uploader.cs and Helpers/RequestHelpers.cs; .NET 9 HttpWebRequest.
"""

import json
import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

BOUNDARY = "--------------------8de7b705d983980"  # twenty dashes and the time in ticks


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers in lower case, the text."""

    status: int
    headers: dict[str, str]
    text: str


def multipart(data: bytes, file_name: str, content_type: str | None, arguments: dict[str, str], name: str) -> bytes:
    """Return the body: arguments first, then the file, names raw and unescaped."""
    parts = b""
    for key, value in arguments.items():
        parts += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
    parts += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'.encode()
    if content_type is not None:
        parts += f"Content-Type: {content_type}\r\n".encode()
    return parts + b"\r\n" + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def net9(config: dict[str, Any], body: bytes, version: str = "19.0.2") -> bytes:
    """Return the head of a request of ShareX 18 and newer."""
    url = urlsplit(config["RequestURL"])
    lines = [f"{config['RequestMethod']} {url.path} HTTP/1.1", f"Host: {url.netloc}"]
    lines += [f"{name}: {value}" for name, value in config["Headers"].items()]
    lines += [f"User-Agent: ShareX/{version}", "Connection: Keep-Alive"]
    lines += [f"Content-Type: multipart/form-data; boundary={BOUNDARY}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode()


def net48(config: dict[str, Any], body: bytes, version: str = "17.1.0") -> bytes:
    """Return the head of a request of ShareX 12.4 to 17.1, which puts Host behind the rest."""
    url = urlsplit(config["RequestURL"])
    lines = [f"{config['RequestMethod']} {url.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in config["Headers"].items()]
    lines += [f"Content-Type: multipart/form-data; boundary={BOUNDARY}", f"User-Agent: ShareX/{version}"]
    lines += [f"Host: {url.netloc}", f"Content-Length: {len(body)}", "Connection: Keep-Alive"]
    return "\r\n".join([*lines, "", ""]).encode()


def send(config: dict[str, Any], head: bytes, body: bytes) -> Answer:
    """Send the head, then the whole body in pieces of 32 KiB, and only then read."""
    url = urlsplit(config["RequestURL"])
    with socket.create_connection((url.hostname, url.port or 80), timeout=60) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(head)
        for start in range(0, len(body), 32 * 1024):
            sock.sendall(body[start : start + 32 * 1024])
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                raise ConnectionError("the connection ended without an answer")
            data += more
        raw, _, rest = data.partition(b"\r\n\r\n")
        lines = raw.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        while len(rest) < int(headers["content-length"]):
            more = sock.recv(65536)
            if not more:
                raise ConnectionError("the connection ended within an answer")
            rest += more
    return Answer(int(lines[0].split()[1]), headers, rest.decode())


def upload(config: dict[str, Any], data: bytes, file_name: str = "chrome_aB3dE5fG7h.png", **options: Any) -> Answer:
    """Upload as ShareX does with this .sxcu; `generation` is net9 or net48."""
    generation = options.pop("generation", net9)
    arguments = options.pop("arguments", {})
    content_type = options.pop("content_type", "image/png")
    body = multipart(data, file_name, content_type, arguments, options.pop("name", config["FileFormName"]))
    return send(config, generation(config, body), body)


def resolve(template: str, answer: Answer) -> str:
    """Return what ShareX makes of a template such as `{json:url}`; raise LookupError where it would show an error."""
    found = re.fullmatch(r"\{json:([A-Za-z_]+)\}", template)
    if not found:
        raise LookupError(f"not a template of ours: {template}")
    value = json.loads(answer.text).get(found[1])
    if value is None:
        return ""  # no match and null are the same to it
    if not isinstance(value, str):
        raise LookupError(f"{found[1]} is not a string")
    return value
