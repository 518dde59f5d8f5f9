"""The body of a request: received whole, and held against what its headers said of it."""

import base64
import hashlib
from collections.abc import Mapping
from typing import BinaryIO

from tests.edge.relay import Relay

from .errors import Refusal, invalid, no_length
from .rules import MAX_PUT

_WITH_BODY = ("PUT", "POST")


def declared_length(headers: Mapping[str, str]) -> int:
    """Return the Content-Length, 0 where there is none; raise Refusal if it is no length or too great to take."""
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise invalid("Content-Length must be a number")
    if int(text) > MAX_PUT:
        raise Refusal(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
    return int(text)


def receive(request: Relay, headers: Mapping[str, str], body: BinaryIO) -> int:
    """Read the whole body into `body` and return its size in bytes; a chunked one is read and thrown away."""
    try:
        wanted = declared_length(headers)
    except Refusal:
        request.close_connection = True
        raise
    if "transfer-encoding" in headers:
        request.close_connection = True
        for _ in request.body():
            pass
        return 0
    size = 0
    for piece in request.body():
        body.write(piece)
        size += len(piece)
    if size < wanted:
        request.close_connection = True
        raise Refusal(400, "IncompleteBody", "The request body terminated unexpectedly")
    return size


def check_body(method: str, headers: Mapping[str, str], body: BinaryIO) -> None:
    """Raise Refusal unless the body has a length, and the digests that its headers give."""
    if "transfer-encoding" in headers or (method in _WITH_BODY and "content-length" not in headers):
        raise no_length()
    wanted = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    body.seek(0)
    if wanted != "UNSIGNED-PAYLOAD" and hashlib.file_digest(body, "sha256").hexdigest() != wanted:
        raise Refusal(400, "InvalidRequest", "Checksum did not match data received")
    if "content-md5" in headers:
        try:
            md5 = base64.b64decode(headers["content-md5"], validate=True)
        except ValueError:
            md5 = b""
        if len(md5) != 16:
            raise Refusal(400, "InvalidDigest", "The Content-MD5 you specified is not valid.")
        body.seek(0)
        if hashlib.file_digest(body, "md5").digest() != md5:
            raise Refusal(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
