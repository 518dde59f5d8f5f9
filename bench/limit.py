"""The limit: the same gunicorn with a bare WSGI function that reads the body and does one signed PUT, nothing else."""

import os
import secrets
from collections.abc import Callable, Iterable
from typing import Any

import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_ENDPOINT = os.environ.get("BOWERBIRD_S3_ENDPOINT", "")
_auth = S3SigV4Auth(Credentials("bench", "bench-secret"), "s3", "us-west-004")
_pool = urllib3.PoolManager(maxsize=64)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Store the request's body as it is, and answer its key."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    key = f"{secrets.token_hex(4)}.png"
    request = AWSRequest("PUT", f"{_ENDPOINT}/bench/{key}", data=body, headers={"Content-Type": "image/png"})
    request.context["payload_signing_enabled"] = True
    _auth.add_auth(request)
    answer = _pool.request("PUT", request.url, body=body, headers=dict(request.headers))
    if answer.status != 200:
        raise RuntimeError(f"the endpoint answered {answer.status}")
    start_response("201 Created", [("Content-Type", "application/json")])
    return [b'{"key": "%b"}' % key.encode()]
