"""An edge that stands, in front of one stand-in for B2 that is empty at the start of each test."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import cloudflare
import pytest
from botocore.config import Config

from tests.b2 import B2
from tests.edge.standing import Standing, standing


class Clock:
    """A clock that stands until somebody moves it; seconds since the epoch."""

    now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def one_b2() -> Iterator[B2]:
    with B2(bucket="my-pictures") as started:
        yield started


@pytest.fixture
def b2(one_b2: B2) -> B2:
    one_b2.empty()
    return one_b2


@pytest.fixture
def edge(b2: B2, clock: Clock) -> Iterator[Standing]:
    """The edge as described, its public URL https://i.example.com."""
    with standing(b2, scheme="https", clock=clock) as made:
        yield made


@pytest.fixture
def api(edge: Standing) -> Iterator[cloudflare.Cloudflare]:
    """Cloudflare's own client, with a token that may do everything."""
    with cloudflare.Cloudflare(api_token=edge.token, base_url=edge.api_url, max_retries=0, timeout=5) as client:
        yield client


@pytest.fixture(scope="module")
def s3(one_b2: B2) -> Iterator[Any]:
    config = Config(
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = boto3.client(
        "s3", endpoint_url=one_b2.endpoint, region_name=one_b2.region, config=config,
        aws_access_key_id=one_b2.key.access_key_id, aws_secret_access_key=one_b2.key.secret_access_key,
    )  # fmt: skip
    yield client
    client.close()


@pytest.fixture
def put(s3: Any, b2: B2) -> Callable[..., str]:
    """Store an object as the app does; return its version id."""

    def stored(key: str, body: bytes = b"bytes", **more: Any) -> str:
        given = {"ContentType": "image/png", "CacheControl": "public, max-age=31536000, immutable", **more}
        return s3.put_object(Bucket=b2.bucket, Key=key, Body=body, **given)["VersionId"]

    return stored
