"""The plain way: a Flask app as anyone would write it first, with Flask's own parser and boto3's `put_object`."""

import os
import secrets

import boto3
from botocore.config import Config
from flask import Flask, request

app = Flask(__name__)
_client = boto3.client(
    "s3",
    endpoint_url=os.environ.get("BOWERBIRD_S3_ENDPOINT"),
    region_name="us-west-004",
    aws_access_key_id="bench",
    aws_secret_access_key="bench-secret",
    config=Config(
        max_pool_connections=64, request_checksum_calculation="when_required", s3={"addressing_style": "path"}
    ),
)


@app.post("/api/upload")
def upload() -> tuple[dict[str, str], int]:
    """Store the file as it is, and answer its key."""
    key = f"{secrets.token_hex(4)}.png"
    _client.put_object(Bucket="bench", Key=key, Body=request.files["file"].stream, ContentType="image/png")
    return {"key": key}, 201
