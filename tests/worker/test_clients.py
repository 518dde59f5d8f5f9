"""Real S3 clients through the signing proxy, with nothing changed but the endpoint."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from minio import Minio

from tests.b2 import B2, Key
from tests.programs import missing, node
from tests.worker.conftest import CLIENT, UPSTREAM, Proxy
from tests.worker.requests import BUCKET, REGION
from tests.workerd import WORKER

KEYS = [
    "k7Wq3Zp.png",
    "a b.png",
    "a+b.png",
    "a%20b.png",
    "ü/𝄞.png",
    "a'b\"c(1)!*.png",
    "~a,b;c:d@e=f&g$h.png",
    "a?b#c.png",
]
SMALL, LARGE = os.urandom(40_000), os.urandom(12 * 1024 * 1024)
VENV = Path(sys.executable).parent


@pytest.fixture
def environment(proxy: Proxy, tmp_path: Path) -> dict[str, str]:
    """What a command line client needs, and nothing of this machine's own settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": CLIENT.access_key_id,
        "AWS_SECRET_ACCESS_KEY": CLIENT.secret_access_key,
        "AWS_DEFAULT_REGION": REGION,
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    (tmp_path / "small").write_bytes(SMALL)
    (tmp_path / "large").write_bytes(LARGE)

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [str(one) for one in command],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def _boto3(endpoint: str, **config: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CLIENT.access_key_id,
        aws_secret_access_key=CLIENT.secret_access_key,
        config=Config(s3={"addressing_style": "path"}, **config),
    )


@pytest.fixture(params=["default", "when_required"])
def s3(request: pytest.FixtureRequest, proxy: Proxy) -> Iterator[Any]:
    config = {} if request.param == "default" else {
        "request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"
    }  # fmt: skip
    client = _boto3(f"http://{proxy.host}", **config)
    yield client
    client.close()


@pytest.mark.parametrize("key", KEYS)
def test_boto3_does_all_with_every_awkward_name(s3: Any, key: str) -> None:
    put = s3.put_object(Bucket=BUCKET, Key=key, Body=SMALL, ContentType="image/png", Metadata={"a": "b c"})

    got = s3.get_object(Bucket=BUCKET, Key=key)
    with got["Body"] as body:
        assert body.read() == SMALL
    head = s3.head_object(Bucket=BUCKET, Key=key)
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (len(SMALL), "image/png", {"a": "b c"})
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [key]
    assert [one["Key"] for one in s3.list_objects(Bucket=BUCKET, Prefix=key)["Contents"]] == [key]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == SMALL
    copied = s3.copy_object(Bucket=BUCKET, Key="copy.png", CopySource={"Bucket": BUCKET, "Key": key})
    assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
    s3.delete_object(Bucket=BUCKET, Key=key, VersionId=put["VersionId"])
    assert (
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "copy.png"}]})["Deleted"][0]["Key"] == "copy.png"
    )
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


def test_aws_cli(run: Callable[..., str], proxy: Proxy, tmp_path: Path) -> None:
    aws = (VENV / "aws", "--endpoint-url", f"http://{proxy.host}")
    for name in ("small", "large"):
        run(*aws, "s3", "cp", name, f"s3://{BUCKET}/x/a b+ü {name}")
        run(*aws, "s3", "cp", f"s3://{BUCKET}/x/a b+ü {name}", f"{name}.back")
    listed = run(*aws, "s3", "ls", f"s3://{BUCKET}/x/")
    run(*aws, "s3api", "head-object", "--bucket", BUCKET, "--key", "x/a b+ü small")
    url = run(*aws, "s3", "presign", f"s3://{BUCKET}/x/a b+ü small").strip()
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == SMALL
    run(*aws, "s3", "sync", ".", f"s3://{BUCKET}/y/", "--exclude", "*", "--include", "small")
    run(*aws, "s3", "rm", "--recursive", f"s3://{BUCKET}/")

    assert "a b+ü small" in listed
    assert (tmp_path / "large.back").read_bytes() == LARGE
    assert proxy.b2.body("y/small") is None


def test_s3cmd(run: Callable[..., str], proxy: Proxy, tmp_path: Path) -> None:
    host = f"127.0.0.1:{proxy.port}"
    secret = (f"--access_key={CLIENT.access_key_id}", f"--secret_key={CLIENT.secret_access_key}")
    s3cmd = (VENV / "s3cmd", *secret, f"--host={host}", f"--host-bucket={host}", "--no-ssl", f"--region={REGION}")
    for name in ("small", "large"):
        run(*s3cmd, "put", "--multipart-chunk-size-mb=5", name, f"s3://{BUCKET}/x/a b+ü {name}")
        run(*s3cmd, "get", f"s3://{BUCKET}/x/a b+ü {name}", f"{name}.back")
    listed = run(*s3cmd, "ls", f"s3://{BUCKET}/x/")
    url = run(*s3cmd, "signurl", f"s3://{BUCKET}/x/a b+ü small", "+60").strip()
    run(*s3cmd, "del", "--recursive", "--force", f"s3://{BUCKET}/x/")

    assert "a b+ü small" in listed
    assert (tmp_path / "large.back").read_bytes() == LARGE
    assert proxy.b2.body("x/a b+ü small") is None
    assert "AWSAccessKeyId=" in url, "signature version 2, which B2 does not know either"


if "rclone" not in missing():

    def test_rclone(run: Callable[..., str], proxy: Proxy, tmp_path: Path) -> None:
        (tmp_path / "rclone.conf").write_text(
            f"[b2]\ntype = s3\nprovider = Other\nenv_auth = true\nendpoint = http://{proxy.host}\nregion = {REGION}\n"
        )
        options = ("--config", "rclone.conf", "--s3-no-check-bucket", "--s3-upload-cutoff", "6M", "--retries", "1")
        rclone = (shutil.which("rclone") or "rclone", *options)
        for name in ("small", "large"):
            run(*rclone, "copyto", name, f"b2:{BUCKET}/x/a b+ü {name}")
            run(*rclone, "copyto", f"b2:{BUCKET}/x/a b+ü {name}", f"{name}.back")
        listed = run(*rclone, "lsf", f"b2:{BUCKET}/x")
        run(*rclone, "check", "--one-way", ".", f"b2:{BUCKET}/x", "--include", "nothing")
        url = run(*rclone, "link", f"b2:{BUCKET}/x/a b+ü small").strip()
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.read() == SMALL
        run(*rclone, "delete", f"b2:{BUCKET}/x")

        assert "a b+ü small" in listed
        assert (tmp_path / "large.back").read_bytes() == LARGE
        assert proxy.b2.body("x/a b+ü small") is None


@pytest.mark.parametrize("key", KEYS)
def test_minio_py(proxy: Proxy, key: str) -> None:
    client = Minio(
        proxy.host, access_key=CLIENT.access_key_id, secret_key=CLIENT.secret_access_key, secure=False, region=REGION
    )
    assert client.bucket_exists(BUCKET)
    client.put_object(BUCKET, key, io.BytesIO(SMALL), len(SMALL), content_type="image/png")
    answer = client.get_object(BUCKET, key)
    assert hashlib.sha256(answer.read()).digest() == hashlib.sha256(SMALL).digest()
    answer.close()
    answer.release_conn()
    assert client.stat_object(BUCKET, key).size == len(SMALL)
    assert [one.object_name for one in client.list_objects(BUCKET, recursive=True)] == [key]
    with urllib.request.urlopen(client.presigned_get_object(BUCKET, key), timeout=10) as answer:
        assert answer.read() == SMALL
    client.put_object(BUCKET, "large", io.BytesIO(LARGE), len(LARGE), part_size=5 * 1024 * 1024)
    client.remove_object(BUCKET, key)
    client._http.clear()

    assert proxy.b2.body(key) is None
    assert proxy.b2.body("large") == LARGE


@pytest.mark.parametrize("key", KEYS)
def test_amazons_sdk_for_javascript(run: Callable[..., str], key: str, proxy: Proxy) -> None:
    run(node(), WORKER / "test/client.mjs", f"http://{proxy.host}", BUCKET, key)
