"""What B2 takes: headers, names, sizes."""

import re
from collections.abc import Mapping

from .actions import Target
from .errors import Refusal, invalid, unsupported

MIN_PART = 5 * 1024 * 1024
MAX_PUT = 5 * 1024**3
MAX_PARTS = 10_000
_CHECKSUMS = re.compile(r"x-amz-(checksum-.*|sdk-checksum-algorithm|trailer)")
_UNSUPPORTED = re.compile(r"x-amz-(tagging(-directive)?|grant-.*|website-redirect-location)")
_META_KEY = re.compile(r"[a-z0-9\-_.`~!#$%^&*'|+]{1,50}")


def check_headers(headers: Mapping[str, str], acl: str, *, accept_checksums: bool) -> None:
    """Raise Refusal for a header that B2 does not take."""
    for name in headers:
        if (_CHECKSUMS.fullmatch(name) and not accept_checksums) or _UNSUPPORTED.fullmatch(name):
            raise unsupported(name)
    if headers.get("x-amz-acl", acl) != acl:
        raise invalid("the ACL of an object must be that of its bucket")
    if headers.get("x-amz-storage-class", "STANDARD") != "STANDARD":
        raise Refusal(400, "InvalidStorageClass", "The storage class you specified is not valid.")
    if headers.get("x-amz-server-side-encryption", "AES256") != "AES256":
        raise invalid("the only server-side encryption is AES256")
    coding = headers.get("content-encoding", "")
    if "aws-chunked" in coding or headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        raise invalid("aws-chunked is not supported")


def check_names(target: Target, headers: Mapping[str, str]) -> None:
    """Raise Refusal for a key, metadata or a part number that B2 cannot hold."""
    encoded = target.key.encode()
    parts = target.key.split("/")
    is_odd = re.search(r"[\x00-\x1f\x7f]", target.key) or "" in parts or {".", ".."} & set(parts)
    if not 1 <= len(encoded) <= 1024 or is_odd or any(len(part.encode()) > 250 for part in parts):
        raise invalid("File names must be 1 to 1024 bytes, without empty or long parts")
    number = target.value("partNumber")
    if target.has("partNumber") and not (number.isdecimal() and 1 <= int(number) <= MAX_PARTS):
        raise invalid(f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive")
    is_short = any(re.match("x-amz-(server-side-encryption|object-lock-)", name) for name in headers)
    limit = 2048 if is_short else 7000
    size = len(encoded)
    for name, value in headers.items():
        if name.startswith("x-amz-meta-"):
            size += len(name) - len("x-amz-meta-") + len(value.encode())
            if not _META_KEY.fullmatch(name[11:]) or name[11:].startswith("b2-"):
                raise invalid(f"the metadata name '{name[11:]}' is not allowed")
    if size > limit:
        raise invalid(f"name and metadata have {size} bytes; at most {limit} are taken")


def check_bucket_name(name: str) -> None:
    """Raise Refusal for a name that no bucket of B2's can have."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{4,61}[a-z0-9]", name) or name.startswith("b2-"):
        raise Refusal(400, "InvalidBucketName", "The specified bucket is not valid.")
