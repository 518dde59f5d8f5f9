"""The files made for S3 clients, read by the programs themselves, through the signing proxy over TLS."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.clients import Bucket, Host, fill, find
from tests.programs import missing
from tests.worker.conftest import CLIENT, Proxy
from tests.worker.requests import BUCKET, REGION

VENV = Path(sys.executable).parent
_BOTO3 = """
import boto3
s3 = boto3.Session(profile_name="bowerbird").client("s3")
s3.upload_file("picture.png", "{bucket}", "boto3.png")
print(*[one["Key"] for one in s3.list_objects_v2(Bucket="{bucket}")["Contents"]])
"""


@pytest.mark.parametrize("name", ["rclone", "aws", "boto3", "s3cmd"])
def test_a_filled_file_is_all_a_client_needs_beside_its_pair(proxy: Proxy, tmp_path: Path, name: str) -> None:
    if name in missing():
        pytest.skip(f"{name} is not on this machine")
    host = Host("https://pics.example.com", Bucket(proxy.tls_url, REGION, BUCKET))
    text = fill(find("aws" if name == "boto3" else name), host)
    text = text.replace("SECRET_ACCESS_KEY", CLIENT.secret_access_key).replace("ACCESS_KEY_ID", CLIENT.access_key_id)
    config = tmp_path / "config"
    config.write_text(text)
    (tmp_path / "picture.png").write_bytes(b"not looked at here")
    commands = {
        "rclone": [
            [shutil.which("rclone"), "--config", config, "--ca-cert", proxy.ca_bundle, *rest]
            for rest in (["copy", "picture.png", f"bowerbird:{BUCKET}"], ["lsf", f"bowerbird:{BUCKET}"])
        ],
        "aws": [
            [VENV / "aws", "--profile", "bowerbird", "s3", *rest]
            for rest in (["cp", "picture.png", f"s3://{BUCKET}/"], ["ls", f"s3://{BUCKET}/"])
        ],
        "boto3": [[sys.executable, "-c", _BOTO3.format(bucket=BUCKET)]],
        "s3cmd": [
            [VENV / "s3cmd", "-c", config, f"--ca-certs={proxy.ca_bundle}", *rest]
            for rest in (["put", "picture.png", f"s3://{BUCKET}/"], ["ls", f"s3://{BUCKET}/"])
        ],
    }[name]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_CONFIG_FILE": str(config)}
    if name != "rclone":  # it cannot have two ways to its certificates
        environment["AWS_CA_BUNDLE"] = str(proxy.ca_bundle)
    for command in commands:
        done = subprocess.run(
            [str(one) for one in command], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    key = "boto3.png" if name == "boto3" else "picture.png"
    assert key in done.stdout
    assert proxy.b2.body(key) == b"not looked at here"
