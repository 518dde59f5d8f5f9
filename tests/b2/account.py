"""What B2 decides about one S3 request that has come whole: who asks, for what, and what the storage then says."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import BinaryIO
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from . import rules, versions
from .actions import READ, Action, Target, action_of, check_entitled, source_of, target_of
from .body import check_body
from .errors import Refusal, malformed_xml
from .sigv4 import Key, is_anonymous, verify
from .storage import Storage, Stored

_FORWARDED = re.compile(
    r"content-(type|encoding|language|disposition|md5)|cache-control|expires|range"
    r"|x-amz-(meta-.*|metadata-directive|copy-source-range|server-side-encryption)"
)
_XML = ("Content-Type", "application/xml")
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class Account:
    """The S3 side of an account; `transactions` counts what was taken, by class."""

    def __init__(
        self,
        storage: Storage,
        keys: Mapping[str, Key],
        region: str,
        bucket: str,
        *,
        clock: Callable[[], float],
        is_public: bool,
        accept_checksums: bool,
    ) -> None:
        self.transactions: Counter[str] = Counter()
        self._storage = storage
        self._keys = keys
        self._region = region
        self._bucket = bucket
        self._clock = clock
        self._is_public = is_public
        self._accept_checksums = accept_checksums
        self._lock = threading.Lock()

    def count(self, transaction: str) -> None:
        with self._lock:
            self.transactions[transaction] += 1

    def judge(self, method: str, raw: str, headers: Mapping[str, str], body: BinaryIO, size: int) -> Stored:
        """Return what the storage answers to a request that B2 would take; raise Refusal for any other.

        `raw` is the path and query as they came, `body` a seekable file of `size` bytes.
        """
        target = target_of(raw, headers.get("host", ""))
        action = action_of(method, target, headers)
        key = self._who(method, raw, headers, action, target)
        rules.check_headers(
            headers, "public-read" if self._is_public else "private", accept_checksums=self._accept_checksums
        )
        if action.is_write and target.key:
            rules.check_names(target, headers)
        if method == "PUT" and not target.key and not target.raw_query:
            rules.check_bucket_name(target.bucket)
        check_body(method, headers, body)
        if target.has("delete"):
            body, size = _deletions(headers, body, key)
        forwarded = {name: value for name, value in headers.items() if _FORWARDED.fullmatch(name)}
        if "x-amz-copy-source" in headers:
            forwarded["x-amz-copy-source"] = self._source(headers["x-amz-copy-source"], key)
        if method == "POST" and target.has("uploadId"):
            self._check_parts(target, body)
        self.count(action.transaction)
        if (own := self._own_answer(method, target)) is not None:
            return own
        body.seek(0)
        stored = self._storage.call(method, target.bucket, target.raw_key, target.raw_query, forwarded, body, size)
        return self._settled(method, target, headers, stored)

    def _who(self, method: str, raw: str, headers: Mapping[str, str], action: Action, target: Target) -> Key | None:
        """Return the key that asks; None for anyone, who may read a public bucket."""
        may_anyone = self._is_public and action is READ and target.bucket == self._bucket
        if may_anyone and is_anonymous(headers, target.raw_query):
            return None
        key = verify(method, raw, headers, self._keys, self._region, self._clock)
        check_entitled(key, action, target)
        return key

    def _source(self, header: str, key: Key | None) -> str:
        """Return an x-amz-copy-source in moto's words, if the key may read it."""
        source = source_of(header)
        if key:
            check_entitled(key, READ, source)
        version = versions.to_moto(source.raw_query.removeprefix("versionId="))
        path = f"/{self._storage.inner(source.bucket)}/{quote(source.key)}"
        return f"{path}?versionId={version}" if version else path

    def _own_answer(self, method: str, target: Target) -> Stored | None:
        """Return what is said without asking moto: the buckets there are, where they are."""
        if not target.bucket:
            rows = "".join(f"<Bucket><Name>{escape(one)}</Name></Bucket>" for one in self._storage.buckets())
            xml = f"<ListAllMyBucketsResult {_NAMESPACE}><Buckets>{rows}</Buckets></ListAllMyBucketsResult>"
        elif target.has("location") and target.bucket in self._storage.buckets():
            xml = f"<LocationConstraint {_NAMESPACE}>{escape(self._region)}</LocationConstraint>"
        elif method == "PUT" and target.has("acl"):
            xml = ""  # check_headers has seen that it is the ACL that the bucket has
        else:
            return None
        return Stored(200, [_XML], xml.encode())

    def _check_parts(self, target: Target, body: BinaryIO) -> None:
        """Every part but the last has 5 MiB, and there are at most 10,000 of them."""
        wanted = [int(one.text or 0) for one in _parsed(body).iter() if one.tag.endswith("PartNumber")]
        query = f"uploadId={quote(target.value('uploadId'))}&max-parts={rules.MAX_PARTS}"
        listed = self._storage.call("GET", target.bucket, target.raw_key, query, {})
        if listed.status != 200:
            return
        sizes = {}
        for part in (one for one in ElementTree.fromstring(listed.body).iter() if one.tag.endswith("}Part")):
            values = {one.tag.split("}")[1]: one.text for one in part}
            sizes[int(values["PartNumber"] or 0)] = int(values["Size"] or 0)
        if any(sizes.get(number, rules.MIN_PART) < rules.MIN_PART for number in wanted[:-1]):
            raise Refusal(
                400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size."
            )

    def _settled(self, method: str, target: Target, headers: Mapping[str, str], stored: Stored) -> Stored:
        """Return moto's answer with what moto leaves out: conditions, and that a missing key is a hidden one."""
        if not target.key or method not in ("GET", "HEAD") or target.has("uploadId"):
            return stored
        if stored.status == 404 and method == "GET":
            marker = self._storage.call("HEAD", target.bucket, target.raw_key, target.raw_query, {})
            if marker.header("x-amz-delete-marker"):
                stored.headers.append(("x-amz-delete-marker", "true"))
        return _conditional(headers, stored)


def _deletions(headers: Mapping[str, str], body: BinaryIO, key: Key | None) -> tuple[BinaryIO, int]:
    """Return the body of a DeleteObjects in moto's words; raise Refusal unless the key may delete all of it."""
    if "content-md5" not in headers:
        raise Refusal(400, "InvalidRequest", "Missing required header for this request: Content-MD5")
    names = [one.text or "" for one in _parsed(body).iter() if one.tag.rpartition("}")[2] == "Key"]
    if not 1 <= len(names) <= 1000:
        raise malformed_xml()
    for name in names:
        if key and not name.startswith(key.prefix):
            raise Refusal(403, "AccessDenied", "not entitled")
    body.seek(0)
    translated = versions.xml_to_moto(body.read().decode()).encode()
    return BytesIO(translated), len(translated)


def _parsed(body: BinaryIO) -> ElementTree.Element:
    body.seek(0)
    try:
        return ElementTree.fromstring(body.read())
    except ElementTree.ParseError as error:
        raise malformed_xml() from error


def _conditional(headers: Mapping[str, str], stored: Stored) -> Stored:
    """Return the answer to a read under its conditions: RFC 9110, section 13.2.2."""
    etag = stored.header("etag")
    if stored.status not in (200, 206) or not etag:
        return stored
    modified = stored.header("last-modified") or ""
    if "if-match" in headers:
        has_failed = not _lists(headers["if-match"], etag)
    else:
        has_failed = _is_after(modified, headers.get("if-unmodified-since", ""))
    if has_failed:
        stored.content.close()
        raise Refusal(412, "PreconditionFailed", "At least one of the preconditions you specified did not hold.")
    is_known = "if-none-match" in headers and _lists(headers["if-none-match"], etag)
    if "if-none-match" not in headers and "if-modified-since" in headers:
        is_known = _is_after(modified, headers["if-modified-since"]) is False
    if not is_known:
        return stored
    stored.content.close()
    return Stored(304, stored.headers)


def _is_after(date: str, other: str) -> bool | None:
    """Return whether a date in a header is later than another; None where one of them is no date."""
    try:
        return parsedate_to_datetime(date) > parsedate_to_datetime(other)
    except (ValueError, TypeError):
        return None


def _lists(header: str, etag: str) -> bool:
    return bool({one.strip().removeprefix("W/") for one in header.split(",")} & {"*", etag})
