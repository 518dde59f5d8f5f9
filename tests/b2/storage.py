"""Where the bytes are: moto's server, its version ids in B2's shape, and always with versions."""

import http.client
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_IN_XML = re.compile(rb"<((?:\w*)VersionId(?:Marker)?)>(" + _UUID.pattern.encode() + rb")</")
_OURS = re.compile(r"4_z[0-9a-f]+_f([0-9a-f]{32})_d\d+_m\d+_c004_v\d+_t\d+")
_BUCKET_ID = "a1b2c3d4e5f6a7b8c9d0e1f2"


@dataclass
class Stored:
    """What moto answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Storage:
    """One bucket in a moto server of its own."""

    def __init__(self, bucket: str, region: str) -> None:
        self._bucket = bucket
        self._region = region
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)

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
        self.client.put_bucket_versioning(Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"})

    def stop(self) -> None:
        self.client.close()
        self._server.stop()

    def call(self, method: str, target: str, headers: Mapping[str, str], body: BinaryIO, size: int) -> Stored:
        """Do to the bucket what a request says."""
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        try:
            connection.putrequest(method, _to_moto(target), skip_accept_encoding=True)
            # moto takes the service from the scope of a signature, and does not look at the rest.
            scope = f"Credential=moto/20200101/{self._region}/s3/aws4_request"
            connection.putheader("Authorization", f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0")
            for name, value in headers.items():
                connection.putheader(name, _to_moto(value).encode("latin-1", "replace"))
            if method in ("PUT", "POST"):
                connection.putheader("Content-Length", str(size))
            connection.endheaders()
            while method in ("PUT", "POST") and (piece := body.read(256 * 1024)):
                connection.send(piece)
            answer = connection.getresponse()
            found = [(name, _from_moto(value)) for name, value in answer.getheaders()]
            text = answer.read()
            is_xml = "xml" in (answer.getheader("content-type") or "")
            return Stored(answer.status, found, _IN_XML.sub(_xml_from_moto, text) if is_xml else text)
        finally:
            connection.close()

    def versions(self) -> Iterator[tuple[str, str, bool, int]]:
        """Yield every version: its key, its id, whether it is a delete marker, its size; the latest of a key first."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self._bucket)
        for page in pages:
            for one in page.get("Versions", []):
                yield one["Key"], _from_moto(one["VersionId"]), False, one["Size"]
            for one in page.get("DeleteMarkers", []):
                yield one["Key"], _from_moto(one["VersionId"]), True, 0

    def is_hidden(self, key: str) -> bool:
        """Whether the newest version of `key` is a hide marker."""
        listed = self.client.list_object_versions(Bucket=self._bucket, Prefix=key)
        return any(one["Key"] == key and one["IsLatest"] for one in listed.get("DeleteMarkers", []))

    def remove(self, key: str, version_id: str) -> None:
        self.client.delete_object(Bucket=self._bucket, Key=key, VersionId=_to_moto(version_id))

    def body(self, key: str) -> bytes | None:
        try:
            return bytes(self.client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except self.client.exceptions.NoSuchKey:
            return None


def _from_moto(text: str) -> str:
    return _UUID.sub(lambda m: _b2_id(m[0]), text) if _UUID.fullmatch(text) else text


def _xml_from_moto(match: Any) -> bytes:
    return b"<%b>%b</" % (match[1], _b2_id(match[2].decode()).encode())


def _b2_id(uuid: str) -> str:
    return f"4_z{_BUCKET_ID}_f{uuid.replace('-', '')}_d20261124_m120000_c004_v0402000_t0001"


def _to_moto(text: str) -> str:
    def uuid(match: Any) -> str:
        digits = match[1]
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    return _OURS.sub(uuid, text)
