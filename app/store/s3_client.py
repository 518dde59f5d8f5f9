"""The boto3 client, set up for what B2 takes and for a proxy before it."""

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from .s3_bounds import bind
from .s3_exchange import CONNECT_S, MOST_CONNECTIONS
from .s3_put import named

_making = threading.Lock()  # a session makes one client at a time


def make_client(
    counted: Callable[..., None],
    *,
    endpoint: str,
    region: str,
    access_key_id: str,
    secret_access_key: str,
    ca_bundle: Path | None = None,
    read_timeout_s: float = 30,
) -> Any:
    """Return a client of S3; `counted` is botocore's listener for each request that is sent."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # B2 refuses the checksum headers that boto3 sends by default since 1.36.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": 1},  # the store is the one that repeats
        connect_timeout=CONNECT_S,
        read_timeout=read_timeout_s,
        max_pool_connections=MOST_CONNECTIONS,
    )
    with _making:
        client = _session().client(
            "s3",
            config=config,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            verify=str(ca_bundle) if ca_bundle else None,
        )
    bind(client)
    # An endpoint that says no 100-continue costs each put a second; the body is small, it can go at once. The last of
    # all: botocore adds the header at this same event, after those who listen to the more special `…PutObject`.
    client.meta.events.register_last("before-call.s3", _without_expect)
    client.meta.events.register("before-call.s3", _without_redirects)
    client.meta.events.register("before-call.s3", _with_name)
    client.meta.events.register("before-send.s3", counted)
    return client


@cache
def _session() -> boto3.session.Session:
    """Return the one of this process: each would read the description of S3 anew, 13 MB and an eighth of a second."""
    return boto3.session.Session()


def _with_name(params: dict[str, Any], **_: Any) -> None:
    params["headers"].update(named())


def _without_expect(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)


def _without_redirects(params: dict[str, Any], **_: Any) -> None:
    """botocore would ask where the bucket is, and if the answer is a redirect again, until its stack is full."""
    params["context"].setdefault("s3_redirect", {})["redirected"] = True
