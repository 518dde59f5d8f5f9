"""The boto3 client, set up for what B2 takes and for a proxy before it."""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config


def make_client(counted: Callable[..., None], *, read_timeout_s: float = 30, **options: Any) -> Any:
    """Return a client of S3; `counted` is botocore's listener for each request that is sent, `options` are boto3's."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # B2 refuses the checksum headers that boto3 sends by default since 1.36.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": 1},  # the store is the one that repeats
        connect_timeout=5,
        read_timeout=read_timeout_s,
        max_pool_connections=32,
    )
    client = boto3.session.Session().client("s3", config=config, **options)
    # Behind a Worker a 100-continue stalls or breaks the answer; the body is small, it can go at once.
    client.meta.events.register("before-call.s3.PutObject", _without_expect)
    client.meta.events.register("before-send.s3", counted)
    return client


def _without_expect(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)
