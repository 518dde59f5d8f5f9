"""The body of a request: received whole, and held against what its headers said of it."""

import base64
import hashlib
from typing import BinaryIO

from tests.edge.relay import Relay

from .errors import Refusal
from .rules import MAX_PUT


def receive(request: Relay, body: BinaryIO) -> int:
    size = 0
    for piece in request.body():
        body.write(piece)
        size += len(piece)
    if size < int(request.headers.get("content-length") or 0):
        request.close_connection = True
        raise Refusal(400, "IncompleteBody", "The request body terminated unexpectedly")
    return size


def check_body(request: Relay, headers: dict[str, str], body: BinaryIO, size: int) -> None:
    if request.command in ("PUT", "POST") and "content-length" not in headers:
        raise Refusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    if size > MAX_PUT:
        raise Refusal(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
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
