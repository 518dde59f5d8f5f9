"""The one request that every upload waits for, without the SDK's layers.

A `put_object` of boto3 costs several times the CPU of all that it sends; see docs/performance.md.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlsplit

from botocore.exceptions import ClientError
from botocore.parsers import RestXMLParser

from .. import request_ids
from ..answers import Answer
from ..blocking import run_blocking
from .s3_errors import UNREADABLE
from .s3_exchange import Exchange
from .s3_signing import Signer

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
        self._path = f"{urlsplit(endpoint).path.rstrip('/')}/{bucket}"
        self._signer = Signer(access_key_id, secret_access_key, region)
        self._exchange = Exchange(endpoint, ca_bundle=ca_bundle, read_timeout_s=read_timeout_s)

    def put(self, key: str, body: BinaryIO, size: int, headers: Mapping[str, str], sha256: str) -> Answer:
        """Send `size` bytes of `body`, from its first, and return the answer, whose status is 2xx.

        The names of `headers` are in small letters. `sha256` (hex) is signed with the request, so the endpoint takes
        these bytes and no others. Raises ClientError for a refusal, Failure where no answer came.
        """
        path = f"{self._path}/{quote(key, safe='/~')}"
        fields = {"host": self._exchange.host, **headers, **named()}
        signed = self._signer.sign("PUT", path, fields, sha256, now=datetime.now(UTC))
        self._count("PutObject")
        answer = self._exchange.put(path, signed, body, size)
        if answer.status // 100 != 2:
            raise ClientError(_told(answer), "PutObject")
        return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        self._exchange.close()


def digest(body: BinaryIO, size: int, algorithm: str) -> str:
    """Return the hex digest of all `size` bytes of the body; a large one is read in a thread."""
    body.seek(0)
    made = lambda: hashlib.new(algorithm, usedforsecurity=False)  # noqa: E731
    found = run_blocking(hashlib.file_digest, body, made) if size > _MIB else hashlib.file_digest(body, made)
    return cast(str, found.hexdigest())


def named() -> dict[str, str]:
    """Return the header that names the request which this one is sent for, if there is one, to be signed with it."""
    return {request_ids.TO_STORE: found} if (found := request_ids.current()) else {}


def _told(answer: Answer) -> dict[str, Any]:
    """Return a refusal as botocore tells it, also one that is no XML."""
    raw = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    try:
        return cast(dict[str, Any], RestXMLParser().parse(raw, None))
    except UNREADABLE:
        status = {"HTTPStatusCode": answer.status, "HTTPHeaders": answer.headers}
        return {"Error": {"Code": str(answer.status), "Message": ""}, "ResponseMetadata": status}
