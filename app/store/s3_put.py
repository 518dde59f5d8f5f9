"""The one request that every upload waits for: botocore's signature over urllib3's pool, without the SDK's layers.

A `put_object` of boto3 costs several times the CPU of all that it sends; see docs/performance.md.
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import get_cert_path
from botocore.parsers import ResponseParserError, RestXMLParser
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from .. import request_ids
from ..blocking import run_blocking
from .s3_errors import Failure

MOST_CONNECTIONS = 32
CONNECT_S = 5
_BLOCK_BYTES = 256 * 1024
_MIB = 1024 * 1024


class Putter:
    """PUT requests to one bucket; `count` is told of each that is sent."""

    def __init__(
        self,
        count: Callable[[str], None],
        *,
        bucket: str,
        endpoint: str,
        region: str,
        access_key_id: str,
        secret_access_key: str,
        ca_bundle: Path | None = None,
        read_timeout_s: float = 30,
    ) -> None:
        self._count = count
        self._base = f"{endpoint.rstrip('/')}/{bucket}"
        self._auth = _Signer(Credentials(access_key_id, secret_access_key), "s3", region)
        options: dict[str, Any] = {
            "maxsize": MOST_CONNECTIONS,
            "block": False,
            "retries": False,  # the store is the one that repeats
            "timeout": urllib3.Timeout(connect=CONNECT_S, read=read_timeout_s),
            "blocksize": _BLOCK_BYTES,
            "ca_certs": str(ca_bundle) if ca_bundle else get_cert_path(True),
        }
        proxy = get_environ_proxies(self._base).get(self._base.partition(":")[0])
        self._pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def put(
        self, key: str, body: BinaryIO, size: int, headers: Mapping[str, str], sha256: str
    ) -> urllib3.BaseHTTPResponse:
        """Send `size` bytes of `body`, from its first, and return the answer, whose status is 2xx.

        `sha256` (hex) is signed with the request, so the endpoint takes these bytes and no others. Raises ClientError
        for a refusal, Failure where no answer came.
        """
        body.seek(0)
        sent = body.read() if size <= _BLOCK_BYTES else body
        request = AWSRequest("PUT", f"{self._base}/{quote(key, safe='/~')}", headers=dict(headers) | named())
        request.context["sha256"] = sha256
        self._auth.add_auth(request)
        self._count("PutObject")
        try:
            answer = self._pool.urlopen(
                "PUT", request.url, body=sent, headers={**request.headers, "Content-Length": str(size)}, redirect=False
            )
        except (HTTPError, OSError) as e:
            raise Failure("the connection failed") from e
        if answer.status // 100 != 2:
            raise ClientError(_told(answer), "PutObject")
        return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.clear()


def digest(body: BinaryIO, size: int, algorithm: str) -> str:
    """Return the hex digest of all `size` bytes of the body; a large one is read in a thread."""
    body.seek(0)
    made = lambda: hashlib.new(algorithm, usedforsecurity=False)  # noqa: E731
    found = run_blocking(hashlib.file_digest, body, made) if size > _MIB else hashlib.file_digest(body, made)
    return cast(str, found.hexdigest())


def named() -> dict[str, str]:
    """Return the header that names the request which this one is sent for, if there is one, to be signed with it."""
    return {request_ids.TO_STORE: found} if (found := request_ids.current()) else {}


class _Signer(S3SigV4Auth):  # type: ignore[misc]
    """Signs the digest that is known already, in place of one of the body."""

    def payload(self, request: AWSRequest) -> str:
        """Return the hex SHA-256 of what is sent."""
        return cast(str, request.context["sha256"])


def _told(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """Return a refusal as botocore tells it, also one that is no XML."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    raw = {"status_code": answer.status, "headers": headers, "body": answer.data}
    try:
        return cast(dict[str, Any], RestXMLParser().parse(raw, None))
    except ResponseParserError:
        status = {"HTTPStatusCode": answer.status, "HTTPHeaders": headers}
        return {"Error": {"Code": str(answer.status), "Message": ""}, "ResponseMetadata": status}
