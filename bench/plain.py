"""The plain way: a Flask app as anyone would write it first, with Flask's own parser and boto3's `put_object`."""

import os
import secrets
from pathlib import Path

import boto3
from botocore.config import Config
from flask import Flask, Response, request, send_from_directory

from bench.endpoint import Endpoint

app = Flask(__name__)
_folder = Path(os.environ.get("BOWERBIRD_DATA_DIR", "."))
_endpoint = Endpoint.of_environment(os.environ)
_client = boto3.client(
    "s3",
    endpoint_url=_endpoint.url,
    region_name=_endpoint.region,
    aws_access_key_id=_endpoint.access_key_id,
    aws_secret_access_key=_endpoint.secret_access_key,
    config=Config(
        max_pool_connections=64, request_checksum_calculation="when_required", s3={"addressing_style": "path"}
    ),
)


@app.post("/api/upload")
def upload() -> tuple[dict[str, str], int]:
    """Store the file as it is, and answer its key."""
    key, file = f"{secrets.token_hex(8)}.png", request.files["file"]
    if os.environ["BOWERBIRD_STORE"] == "s3":
        _client.put_object(Bucket=_endpoint.bucket, Key=key, Body=file.stream, ContentType="image/png")
    else:
        file.save(_folder / key)
    return {"key": key}, 201


@app.get("/<key>")
def show(key: str) -> Response:
    """Send a file, as Flask does."""
    return send_from_directory(_folder, key)
