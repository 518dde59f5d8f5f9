"""What B2 takes: headers, names, sizes; and what a request is, by which capability it needs and what it costs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from .errors import Refusal, not_entitled, unsupported
from .sigv4 import Key

MIN_PART = 5 * 1024 * 1024
MAX_PUT = 5 * 1024**3
_CHECKSUMS = re.compile(r"x-amz-(checksum-.*|sdk-checksum-algorithm|trailer)")
_UNSUPPORTED = re.compile(r"x-amz-(tagging|grant-.*|website-redirect-location|storage-class-.*)")
_META_KEY = re.compile(r"[a-z0-9\-_.`~!#$%^&*'|+]{1,50}")
_SUBRESOURCES = {"acl", "cors", "lifecycle", "policy", "tagging", "versioning", "website", "encryption", "object-lock"}


@dataclass(frozen=True)
class Target:
    """What the address names: path style, or the bucket as the first label of the host."""

    bucket: str
    key: str
    query: Mapping[str, str]


@dataclass(frozen=True)
class Action:
    """The capability that a request needs, and the class of its transaction."""

    capability: str
    transaction: str
    is_write: bool = False


def target_of(raw: str, host: str) -> Target:
    """Return what a request is about."""
    url = urlsplit(raw)
    path = url.path.lstrip("/")
    first = host.split(":", maxsplit=1)[0].split(".")
    if len(first) > 2 and first[1] == "s3":
        path = f"{first[0]}/{path}"
    bucket, _, key = path.partition("/")
    try:
        name = unquote_to_bytes(key).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "InvalidURI", "the key is not UTF-8") from None
    return Target(bucket, name, dict(parse_qsl(url.query, keep_blank_values=True)))


def action_of(method: str, target: Target, headers: Mapping[str, str]) -> Action:
    """Return what a request asks for; raise Refusal for what B2 does not have."""
    query = target.query
    if not target.bucket:
        return Action("listAllBucketNames", "C")
    if any(name in query for name in _SUBRESOURCES):
        if target.key or method not in ("GET", "PUT"):
            raise Refusal(501, "NotImplemented", "This API call is not supported.")
        return Action("writeBuckets" if method == "PUT" else "listBuckets", "C", method == "PUT")
    if not target.key:
        return _bucket_action(method, query)
    if method in ("GET", "HEAD"):
        return Action("listFiles", "C") if "uploadId" in query else Action("readFiles", "B")
    if method == "DELETE":
        return Action("deleteFiles" if "versionId" in query else "writeFiles", "A", True)
    return Action("writeFiles", "C" if "x-amz-copy-source" in headers else "A", True)


def _bucket_action(method: str, query: Mapping[str, str]) -> Action:
    if method == "GET":
        return Action("listBuckets" if "location" in query else "listFiles", "C")
    if method == "POST" and "delete" in query:
        return Action("deleteFiles", "A", True)
    return Action("listBuckets" if method == "HEAD" else "writeBuckets", "C", method == "PUT")


def check_entitled(key: Key, action: Action, target: Target) -> None:
    """Raise Refusal unless the key may do this here."""
    is_restricted = key.bucket is not None
    name = target.key or target.query.get("prefix", "")
    if action.capability not in key.capabilities or (is_restricted and key.bucket != target.bucket):
        raise not_entitled()
    if is_restricted and action.capability in ("listAllBucketNames", "listBuckets", "writeBuckets"):
        raise not_entitled()
    if key.prefix and (target.key or action.capability == "listFiles") and not name.startswith(key.prefix):
        raise not_entitled()


def check_headers(headers: Mapping[str, str], acl: str, *, accept_checksums: bool) -> None:
    """Raise Refusal for a header that B2 does not take."""
    for name in headers:
        if (_CHECKSUMS.fullmatch(name) and not accept_checksums) or _UNSUPPORTED.fullmatch(name):
            raise unsupported(name)
    if headers.get("x-amz-acl", acl) != acl:
        raise Refusal(400, "InvalidArgument", "the ACL of an object must be that of its bucket")
    coding = headers.get("content-encoding", "")
    if "aws-chunked" in coding or headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        raise Refusal(400, "InvalidArgument", "aws-chunked is not supported")


def check_names(target: Target, headers: Mapping[str, str]) -> None:
    """Raise Refusal for a key or metadata that B2 cannot hold."""
    encoded = target.key.encode()
    parts = target.key.split("/")
    is_odd = re.search(r"[\x00-\x1f\x7f]", target.key) or "" in parts or {".", ".."} & set(parts)
    if not 1 <= len(encoded) <= 1024 or is_odd or any(len(part.encode()) > 250 for part in parts):
        raise Refusal(400, "InvalidArgument", "File names must be 1 to 1024 bytes, without empty or long parts")
    limit = 2048 if "x-amz-server-side-encryption" in headers else 7000
    size = len(encoded)
    for name, value in headers.items():
        if name.startswith("x-amz-meta-"):
            size += len(name) - 11 + len(value.encode())
            if not _META_KEY.fullmatch(name[11:]) or name[11:].startswith("b2-"):
                raise Refusal(400, "InvalidArgument", f"the metadata name '{name[11:]}' is not allowed")
    if size > limit:
        raise Refusal(400, "InvalidArgument", f"name and metadata have {size} bytes; at most {limit} are taken")
