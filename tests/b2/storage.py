"""Where the bytes are: moto's server, with versions always, and with buckets that no other stand-in sees."""

import http.client
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from tempfile import SpooledTemporaryFile
from types import SimpleNamespace
from typing import IO, Any, BinaryIO, cast
from urllib.parse import unquote

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, S3Backend, s3_backends
from moto.server import ThreadedMotoServer

from . import versions

# At each request moto would look through its own folder for the names of the 250 services that it knows.
_services = tuple(backends.list_of_moto_modules())
backends.list_of_moto_modules = lambda: _services

_list_versions = S3Backend.list_object_versions


def _list_fewer_versions(
    backend: S3Backend, bucket_name: str, *, prefix: str = "", key_marker: str | None = None, **asked: Any
) -> Any:
    """Answer as moto does, which would first copy all that is in the bucket: gigabytes where thousands of objects are
    listed for each that is deleted."""
    keys = backend.get_bucket(bucket_name).keys
    near = type(keys)()
    for name in list(keys):
        if name.startswith(prefix) and name >= (key_marker or "") and (found := keys.getlist(name)):
            near.setlist(name, found)
    seen = SimpleNamespace(get_bucket=lambda _name: SimpleNamespace(keys=near))
    return _list_versions(cast(S3Backend, seen), bucket_name, prefix=prefix, key_marker=key_marker, **asked)


S3Backend.list_object_versions = _list_fewer_versions  # type: ignore[method-assign]

_SPOOLED = 1024 * 1024
_PIECE = 256 * 1024
_SENT_QUERY = re.compile(r"(?!X-Amz-)[^=]*")


@dataclass
class Stored:
    """What moto answered: `body` is XML or nothing, `content` the bytes of an object, to be closed."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    content: IO[bytes] = field(default_factory=BytesIO)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Storage:
    """One bucket, and those that are made beside it, in a moto server of its own."""

    def __init__(self, bucket: str, region: str) -> None:
        self._region = region
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        # moto keeps one set of buckets for the whole process, so each stand-in gives its own ones names of their own.
        self._token = secrets.token_hex(8)
        self._names: list[str] = []
        self._bucket = self.inner(bucket)

    def inner(self, bucket: str) -> str:
        """Return the name that moto knows a bucket by."""
        if bucket not in self._names:
            self._names.append(bucket)
        return f"{self._token}{self._names.index(bucket):05d}"

    def start(self) -> None:
        self._server.start()
        self._address = self._server.get_host_and_port()
        self.client = boto3.client(
            "s3",
            endpoint_url="http://{}:{}".format(*self._address),
            region_name=self._region,
            aws_access_key_id="moto",
            aws_secret_access_key="moto",
            config=Config(s3={"addressing_style": "path"}),
        )
        self.client.create_bucket(Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": self._region})
        self._keep_versions(self._bucket)

    def stop(self) -> None:
        """End, and give moto's memory back."""
        self.empty()
        self.client.delete_bucket(Bucket=self._bucket)
        self.client.close()
        self._server.stop()

    def call(
        self,
        method: str,
        bucket: str,
        raw_key: str,
        raw_query: str,
        headers: Mapping[str, str],
        body: BinaryIO | None = None,
        size: int = 0,
    ) -> Stored:
        """Do to the bucket what a request says; `body` is sent from where it stands."""
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        try:
            connection.putrequest(method, self._path(bucket, raw_key, raw_query), skip_accept_encoding=True)
            # moto takes the service from the scope of a signature, and does not look at the rest.
            scope = f"Credential=moto/20200101/{self._region}/s3/aws4_request"
            connection.putheader("Authorization", f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0")
            for name, value in headers.items():
                connection.putheader(name, value.encode())
            if method in ("PUT", "POST"):
                connection.putheader("Content-Length", str(size))
            connection.endheaders()
            while body and method in ("PUT", "POST") and (piece := body.read(_PIECE)):
                connection.send(piece)
            answer = connection.getresponse()
            is_object = method == "GET" and raw_key and answer.status in (200, 206) and "uploadId=" not in raw_query
            stored = self._read(answer, is_object=bool(is_object))
        finally:
            connection.close()
        if method == "PUT" and not raw_key and not raw_query and stored.status == 200:
            self._keep_versions(self.inner(bucket))
        return stored

    def _path(self, bucket: str, raw_key: str, raw_query: str) -> str:
        pairs = [part.partition("=") for part in raw_query.split("&") if part and _SENT_QUERY.match(part)]
        ids = ("versionId", "version-id-marker")
        query = "&".join(f"{name}{is_}{versions.to_moto(unquote(v)) if name in ids else v}" for name, is_, v in pairs)
        return f"/{self.inner(bucket)}" + (f"/{raw_key}" if raw_key else "") + (f"?{query}" if query else "")

    def _read(self, answer: http.client.HTTPResponse, *, is_object: bool) -> Stored:
        headers = []
        for name, value in answer.getheaders():
            is_id = name.lower().endswith("version-id")
            headers.append((name, versions.to_b2(value) if is_id else self._outer(value)))
        stored = Stored(answer.status, headers)
        if is_object:
            stored.content = SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115
            while piece := answer.read(_PIECE):
                stored.content.write(piece)
            stored.content.seek(0)
        else:
            stored.body = self._outer(versions.xml_to_b2(answer.read().decode())).encode()
        return stored

    def _outer(self, text: str) -> str:
        return re.sub(self._token + r"(\d{5})", lambda found: self._names[int(found[1])], text)

    def _keep_versions(self, inner: str) -> None:
        self.client.put_bucket_versioning(Bucket=inner, VersioningConfiguration={"Status": "Enabled"})

    def buckets(self) -> list[str]:
        """Return the names of the buckets there are."""
        listed = self.client.list_buckets(Prefix=self._token)["Buckets"]
        return [self._outer(one["Name"]) for one in listed]

    def versions(self) -> Iterator[tuple[str, str, bool, int]]:
        """Yield every version: its key, its id, whether it is a delete marker, its size; the latest of a key first."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self._bucket)
        for page in pages:
            for one in page.get("Versions", []):
                yield one["Key"], versions.to_b2(one["VersionId"]), False, one["Size"]
            for one in page.get("DeleteMarkers", []):
                yield one["Key"], versions.to_b2(one["VersionId"]), True, 0

    def empty(self) -> None:
        """Remove every version and every unfinished upload; in moto's own memory, for it is done before each test."""
        bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[self._bucket]
        for key in list(bucket.keys):
            for one in bucket.keys.getlist(key):
                if isinstance(one, FakeKey):  # a delete marker has no bytes
                    one.dispose()
        for upload in list(bucket.multiparts.values()):
            upload.dispose()
        bucket.keys.clear()
        bucket.multiparts.clear()

    def body(self, key: str) -> bytes | None:
        """Return the current bytes of `key`; None if there are none, or they are hidden."""
        try:
            return bytes(self.client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
