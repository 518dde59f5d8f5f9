"""Real S3 programs through the signing proxy: whole folders of awkward names there and back, plain and over TLS."""

import os
import shutil
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.programs import missing, node
from tests.worker.conftest import CLIENT, Proxy
from tests.worker.names import AWKWARD, LARGE, SMALL
from tests.worker.requests import BUCKET, REGION
from tests.workerd import WORKER

VENV = Path(sys.executable).parent
SENT = {**dict.fromkeys(AWKWARD, SMALL), "large.bin": LARGE}
KEYS = sorted(f"x/{name}" for name in SENT)
AWKWARD_KEY = "x/~a,b;c:d@e=f&g$h.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of every name."""
    for name, body in SENT.items():
        path = tmp_path / "names" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return tmp_path


@pytest.fixture
def run(proxy: Proxy, folder: Path) -> Callable[..., str]:
    """Run a program with what it needs, and nothing of this machine's own settings; return what it printed."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": CLIENT.access_key_id,
        "AWS_SECRET_ACCESS_KEY": CLIENT.secret_access_key,
        "AWS_DEFAULT_REGION": REGION,
        "NODE_EXTRA_CA_CERTS": str(proxy.ca_bundle),
    }

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [str(one) for one in command], env=environment, cwd=folder, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def _stored(proxy: Proxy) -> dict[str, bytes | None]:
    return {key: proxy.b2.body(key) for key, _, is_marker, _ in proxy.b2.versions() if not is_marker}


def _back(folder: Path) -> dict[str, bytes]:
    back = folder / "back"
    return {str(path.relative_to(back)): path.read_bytes() for path in back.rglob("*") if path.is_file()}


def _read(proxy: Proxy, url: str) -> bytes:
    trusted = ssl.create_default_context(cafile=str(proxy.ca_bundle))
    with urllib.request.urlopen(url, timeout=10, context=trusted) as answer:
        return bytes(answer.read())


def test_aws_cli(run: Callable[..., str], proxy: Proxy, folder: Path) -> None:
    aws = (VENV / "aws", "--ca-bundle", proxy.ca_bundle, "--endpoint-url", proxy.url)
    run(*aws, "s3", "cp", "--recursive", "names", f"s3://{BUCKET}/x/")
    stored = _stored(proxy)
    run(*aws, "s3", "cp", "--recursive", f"s3://{BUCKET}/x/", "back")
    listed = run(*aws, "s3", "ls", "--recursive", f"s3://{BUCKET}/x/")
    url = run(*aws, "s3", "presign", f"s3://{BUCKET}/{AWKWARD_KEY}").strip()
    presigned = _read(proxy, url)
    again = run(*aws, "s3", "sync", "--size-only", "names", f"s3://{BUCKET}/x/")
    run(*aws, "s3", "rm", "--recursive", f"s3://{BUCKET}/")

    assert stored == {f"x/{name}": body for name, body in SENT.items()}
    assert _back(folder) == SENT
    assert sorted(line.split(maxsplit=3)[3] for line in listed.splitlines()) == KEYS
    assert presigned == SMALL
    assert again == "", "what is there already is not sent again"
    assert set(_stored(proxy).values()) == {None}


def test_aws_cli_sends_and_reads_over_tls(run: Callable[..., str], proxy: Proxy, folder: Path) -> None:
    """Its bodies are signed in another way there."""
    aws = (VENV / "aws", "--ca-bundle", proxy.ca_bundle, "--endpoint-url", proxy.tls_url)
    run(*aws, "s3", "cp", "--recursive", "names", f"s3://{BUCKET}/x/")
    run(*aws, "s3", "cp", "--recursive", f"s3://{BUCKET}/x/", "back")

    assert _stored(proxy) == {f"x/{name}": body for name, body in SENT.items()}
    assert _back(folder) == SENT


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "TLS"])
def test_s3cmd(run: Callable[..., str], proxy: Proxy, folder: Path, is_tls: bool) -> None:
    host = f"127.0.0.1:{proxy.tls_port if is_tls else proxy.port}"
    secret = (f"--access_key={CLIENT.access_key_id}", f"--secret_key={CLIENT.secret_access_key}")
    where = (f"--host={host}", f"--host-bucket={host}", f"--region={REGION}")
    s3cmd = (VENV / "s3cmd", *secret, *where, f"--ca-certs={proxy.ca_bundle}" if is_tls else "--no-ssl")
    run(*s3cmd, "put", "--recursive", "--multipart-chunk-size-mb=5", "names/", f"s3://{BUCKET}/x/")
    stored = _stored(proxy)
    (folder / "back").mkdir()
    run(*s3cmd, "get", "--recursive", f"s3://{BUCKET}/x/", "back/")
    listed = run(*s3cmd, "ls", "--recursive", f"s3://{BUCKET}/x/")
    url = run(*s3cmd, "signurl", f"s3://{BUCKET}/{AWKWARD_KEY}", "+60").strip()
    run(*s3cmd, "del", "--recursive", "--force", f"s3://{BUCKET}/x/")

    assert stored == {f"x/{name}": body for name, body in SENT.items()}
    assert _back(folder) == SENT
    assert sorted(line.partition(f"s3://{BUCKET}/")[2] for line in listed.splitlines()) == KEYS
    assert set(_stored(proxy).values()) == {None}
    assert "AWSAccessKeyId=" in url, "signature version 2, which B2 does not know either"


if "rclone" not in missing():

    def test_rclone_makes_the_bucket_that_is_there(run: Callable[..., str], proxy: Proxy, folder: Path) -> None:
        (folder / "rclone.conf").write_text(
            f"[b2]\ntype = s3\nprovider = Other\nenv_auth = true\nendpoint = {proxy.url}\nregion = {REGION}\n"
        )
        rclone = shutil.which("rclone") or "rclone"
        run(rclone, "--config", "rclone.conf", "--retries", "1", "copy", "names", f"b2:{BUCKET}/x")

        assert _stored(proxy) == {f"x/{name}": body for name, body in SENT.items()}

    @pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "TLS"])
    def test_rclone(run: Callable[..., str], proxy: Proxy, folder: Path, is_tls: bool) -> None:
        endpoint = proxy.tls_url if is_tls else proxy.url
        (folder / "rclone.conf").write_text(
            f"[b2]\ntype = s3\nprovider = Other\nenv_auth = true\nendpoint = {endpoint}\nregion = {REGION}\n"
        )
        options = ("--config", "rclone.conf", "--s3-no-check-bucket", "--s3-upload-cutoff", "6M", "--retries", "1")
        rclone = (shutil.which("rclone") or "rclone", "--ca-cert", str(proxy.ca_bundle), *options)
        run(*rclone, "copy", "names", f"b2:{BUCKET}/x")
        stored = _stored(proxy)
        run(*rclone, "copy", f"b2:{BUCKET}/x", "back")
        listed = run(*rclone, "lsf", "--recursive", "--files-only", f"b2:{BUCKET}/x")
        run(*rclone, "check", "--download", "names", f"b2:{BUCKET}/x")
        url = run(*rclone, "link", f"b2:{BUCKET}/{AWKWARD_KEY}").strip()
        linked = _read(proxy, url)
        run(*rclone, "delete", f"b2:{BUCKET}/x")

        assert stored == {f"x/{name}": body for name, body in SENT.items()}
        assert _back(folder) == SENT
        assert sorted(f"x/{name}" for name in listed.splitlines()) == KEYS
        assert linked == SMALL
        assert set(_stored(proxy).values()) == {None}


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "TLS"])
def test_amazons_sdk_for_javascript(run: Callable[..., str], proxy: Proxy, is_tls: bool) -> None:
    """With each name, of which over TLS, where it signs its bodies in another way, two are enough."""
    names = AWKWARD[-2:] if is_tls else AWKWARD
    said = run(node(), WORKER / "test/client.mjs", proxy.tls_url if is_tls else proxy.url, BUCKET, *names)

    assert said.splitlines() == names
    assert set(_stored(proxy).values()) == {None}
