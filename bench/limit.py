"""The limit: in the same gunicorn a bare WSGI function that reads the body, keeps it, and nothing else.

No server that does an upload in Python under this gunicorn can be faster; what is above it are the app's own checks.
"""

import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.endpoint import Endpoint

_FOLDER = Path(os.environ.get("BOWERBIRD_DATA_DIR", "."))
_endpoint = Endpoint.of_environment(os.environ)
_auth = S3SigV4Auth(Credentials(_endpoint.access_key_id, _endpoint.secret_access_key), "s3", _endpoint.region)
_pool = urllib3.PoolManager(maxsize=64)

StartResponse = Callable[..., Any]


def put(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Put the body into the bucket as it is, by one signed request, and answer its key."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    key = f"{secrets.token_hex(8)}.png"
    request = AWSRequest("PUT", _endpoint.address(key), data=body, headers={"Content-Type": "image/png"})
    request.context["payload_signing_enabled"] = True
    _auth.add_auth(request)
    answer = _pool.request("PUT", request.url, body=body, headers=dict(request.headers))
    if answer.status != 200:
        raise RuntimeError(f"the endpoint answered {answer.status}")
    return _created(key, start_response)


def write(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Write the body to a file as it is, so that no crash loses it, and answer its key."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    key = f"{secrets.token_hex(8)}.png"
    with (_FOLDER / f"{key}.tmp").open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).rename(_FOLDER / key)
    folder = os.open(_FOLDER, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return _created(key, start_response)


def read(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Send the bytes of the file that the path names."""
    data = (_FOLDER / environ["PATH_INFO"].lstrip("/")).read_bytes()
    start_response("200 OK", [("Content-Type", "image/png"), ("Content-Length", str(len(data)))])
    return [data]


def _created(key: str, start_response: StartResponse) -> Iterable[bytes]:
    answer = b'{"key": "%b"}' % key.encode()
    start_response("201 Created", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
