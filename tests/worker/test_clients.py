"""Real S3 libraries through the signing proxy, with nothing changed but the endpoint."""

import io
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError
from minio import Minio

from tests.b2 import B2, Key
from tests.worker.conftest import CLIENT, DOMAIN, UPSTREAM, Proxy
from tests.worker.names import AWKWARD, LARGE, SMALL
from tests.worker.requests import BUCKET, REGION

WHEN_REQUIRED = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
MIB = 1024 * 1024


def _boto3(endpoint: str, style: str = "path", verify: str | None = None, **config: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CLIENT.access_key_id,
        aws_secret_access_key=CLIENT.secret_access_key,
        verify=verify,
        config=Config(s3={"addressing_style": style}, **config),
    )


@pytest.fixture(params=["default", "when required", "default over TLS"])
def s3(request: pytest.FixtureRequest, proxy: Proxy) -> Iterator[Any]:
    config = WHEN_REQUIRED if request.param == "when required" else {}
    is_tls = request.param.endswith("TLS")
    client = _boto3(proxy.tls_url if is_tls else proxy.url, verify=str(proxy.ca_bundle) if is_tls else None, **config)
    yield client
    client.close()


@pytest.fixture
def read(proxy: Proxy) -> Callable[[str], bytes]:
    """Read an address as anyone does who has it."""
    trusted = ssl.create_default_context(cafile=str(proxy.ca_bundle))

    def read(url: str) -> bytes:
        with urllib.request.urlopen(url, timeout=10, context=trusted) as answer:
            return bytes(answer.read())

    return read


@pytest.mark.parametrize("key", AWKWARD)
def test_boto3_does_all_with_every_awkward_name(s3: Any, key: str, read: Callable[[str], bytes]) -> None:
    put = s3.put_object(Bucket=BUCKET, Key=key, Body=SMALL, ContentType="image/png", Metadata={"a": "b c"})

    got = s3.get_object(Bucket=BUCKET, Key=key)
    with got["Body"] as body:
        assert body.read() == SMALL
    head = s3.head_object(Bucket=BUCKET, Key=key)
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (len(SMALL), "image/png", {"a": "b c"})
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [key]
    assert [one["Key"] for one in s3.list_objects(Bucket=BUCKET, Prefix=key)["Contents"]] == [key]
    assert read(s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})) == SMALL
    copied = s3.copy_object(Bucket=BUCKET, Key="copy.png", CopySource={"Bucket": BUCKET, "Key": key})
    assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
    s3.delete_object(Bucket=BUCKET, Key=key, VersionId=put["VersionId"])
    deleted = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "copy.png"}]})["Deleted"]
    assert [one["Key"] for one in deleted] == ["copy.png"]
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_boto3_uploads_and_downloads_in_parts(s3: Any, proxy: Proxy) -> None:
    s3.upload_fileobj(io.BytesIO(LARGE), BUCKET, "large.bin")
    into = io.BytesIO()

    s3.download_fileobj(BUCKET, "large.bin", into)

    assert into.getvalue() == LARGE
    assert {record.method for record in proxy.b2.requests} == {"POST", "PUT", "GET"}


def test_boto3_aborts_and_lists_unfinished_uploads(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="large.bin")["UploadId"]
    s3.upload_part(Bucket=BUCKET, Key="large.bin", UploadId=upload, PartNumber=1, Body=SMALL)

    assert len(s3.list_parts(Bucket=BUCKET, Key="large.bin", UploadId=upload)["Parts"]) == 1
    assert len(s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]) == 1
    s3.abort_multipart_upload(Bucket=BUCKET, Key="large.bin", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_boto3_sees_the_errors_as_those_of_s3(s3: Any) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key="nothing.png")
    with pytest.raises(ClientError, match=r"AccessDenied.*this key is for another bucket"):
        s3.put_object(Bucket="another-bucket", Key="a", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_buckets()


@pytest.mark.parametrize("size", [0, len(SMALL), 5 * MIB], ids=["empty", "small", "larger than the Worker keeps"])
def test_what_boto3_sends_over_tls_without_a_length_b2_gets_plain(proxy: Proxy, size: int) -> None:
    """The real default: aws-chunked, Transfer-Encoding: chunked, the checksum behind the body."""
    sent: list[dict[str, str]] = []
    body = LARGE[:size]
    with closing(_boto3(proxy.tls_url, verify=str(proxy.ca_bundle))) as client:
        client.meta.events.register("before-send.s3.*", lambda request, **_: sent.append(dict(request.headers.items())))
        client.put_object(Bucket=BUCKET, Key="a.png", Body=body)

    ((headers,), (record,)) = sent, proxy.b2.requests
    assert (headers["Transfer-Encoding"], headers.get("Content-Length")) == (b"chunked", None)
    assert headers["X-Amz-Content-SHA256"] == b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert record.headers["content-length"] == str(size)
    assert not {"transfer-encoding", "content-encoding", "x-amz-trailer"} & set(record.headers)
    assert proxy.b2.body("a.png") == body


@pytest.mark.parametrize("key", AWKWARD)
def test_boto3_in_virtual_host_style(
    proxy: Proxy, read: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The bucket is part of the host, so the name of the host has to lead here, and port 443 to ours."""
    find = socket.getaddrinfo

    def found(host: str, port: int, *more: Any, **named: Any) -> Any:
        is_ours = str(host).endswith(f".{DOMAIN}") and port == 443
        return find("127.0.0.1", proxy.tls_port, *more, **named) if is_ours else find(host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    with closing(_boto3(f"https://{DOMAIN}", "virtual", str(proxy.ca_bundle))) as client:
        client.put_object(Bucket=BUCKET, Key=key, Body=SMALL)
        url = client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})
        got = read(url)
        with client.get_object(Bucket=BUCKET, Key=key)["Body"] as body:
            assert body.read() == got == SMALL
        assert [one["Key"] for one in client.list_objects_v2(Bucket=BUCKET)["Contents"]] == [key]
        client.head_bucket(Bucket=BUCKET)
        client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key}]})

    assert url.startswith(f"https://{BUCKET}.{DOMAIN}/")
    assert {record.target.split("/")[1].split("?")[0] for record in proxy.b2.requests} == {BUCKET}
    assert proxy.b2.body(key) is None


def test_b2_itself_refuses_what_boto3_sends_by_default() -> None:
    """Over TLS boto3 sends aws-chunked with a trailer, which is why the proxy reads that."""
    keys = [Key(UPSTREAM.access_key_id, UPSTREAM.secret_access_key)]
    with B2(bucket="bowerbird-direct", keys=keys, tls=True) as direct:
        client = boto3.client(
            "s3", endpoint_url=direct.endpoint, region_name=REGION, aws_access_key_id=UPSTREAM.access_key_id,
            aws_secret_access_key=UPSTREAM.secret_access_key, verify=str(direct.ca_bundle),
        )  # fmt: skip
        with pytest.raises(ClientError, match="Unsupported header"):
            client.put_object(Bucket="bowerbird-direct", Key="a.png", Body=SMALL)
        client.close()
        assert direct.requests[0].headers["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def minio(proxy: Proxy, request: pytest.FixtureRequest) -> Iterator[Minio]:
    pool = urllib3.PoolManager(ca_certs=str(proxy.ca_bundle))
    host = (proxy.tls_url if request.param else proxy.url).partition("://")[2]
    yield Minio(
        host, access_key=CLIENT.access_key_id, secret_key=CLIENT.secret_access_key, secure=request.param,
        region=REGION, http_client=pool,
    )  # fmt: skip
    pool.clear()


@pytest.mark.parametrize("key", AWKWARD)
def test_minio_py(proxy: Proxy, minio: Minio, read: Callable[[str], bytes], key: str) -> None:
    assert minio.bucket_exists(BUCKET)
    minio.put_object(BUCKET, key, io.BytesIO(SMALL), len(SMALL), content_type="image/png")
    with closing(minio.get_object(BUCKET, key)) as answer:
        assert answer.read() == SMALL
    assert minio.stat_object(BUCKET, key).size == len(SMALL)
    assert [one.object_name for one in minio.list_objects(BUCKET, recursive=True)] == [key]
    assert read(minio.presigned_get_object(BUCKET, key)) == SMALL
    minio.remove_object(BUCKET, key)

    assert proxy.b2.body(key) is None


def test_minio_py_in_parts(proxy: Proxy, minio: Minio) -> None:
    minio.put_object(BUCKET, "large", io.BytesIO(LARGE), len(LARGE), part_size=5 * MIB)

    assert proxy.b2.body("large") == LARGE
