"""One stand-in for every test of it, empty at the start of each, and a client that B2 can understand."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.b2 import B2, Key
from tests.worker.requests import NO_HEADERS, Answer, Endpoint, Pair, Signer

BUCKET = "bowerbird-demo"


@pytest.fixture(scope="module")
def strict_b2() -> Iterator[B2]:
    restricted = frozenset({"writeFiles", "deleteFiles", "readFiles", "listFiles"})
    keys = [
        Key("demo-key-id", "demo-secret-access-key"),
        Key("prefixed-key-id", "prefixed-secret", BUCKET, "mine/", restricted),
        Key("bucket-key-id", "bucket-secret", BUCKET),
        Key("elsewhere-key-id", "elsewhere-secret", "another-bucket"),
    ]
    with B2(bucket=BUCKET, keys=keys) as b2:
        yield b2


@pytest.fixture
def b2(strict_b2: B2) -> B2:
    strict_b2.empty()
    return strict_b2


@pytest.fixture
def make_s3() -> Iterator[Callable[..., Any]]:
    """Make boto3 clients; `checksums` is when they add checksums."""
    made = []

    def make(b2: B2, checksums: str = "when_required", key: Key | None = None) -> Any:
        key = key or b2.key
        config = Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation=checksums,
            response_checksum_validation=checksums,
            retries={"total_max_attempts": 1},
        )
        client = boto3.client(
            "s3", endpoint_url=b2.endpoint, region_name=b2.region, config=config,
            verify=str(b2.ca_bundle) if b2.ca_bundle else None,
            aws_access_key_id=key.access_key_id, aws_secret_access_key=key.secret_access_key,
        )  # fmt: skip
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def s3(b2: B2, make_s3: Callable[..., Any]) -> Any:
    return make_s3(b2)


@pytest.fixture
def send(b2: B2) -> Callable[..., Answer]:
    """Send a signed request; `pair` is the key, by the first word of its name."""

    def signed(method: str, target: str, body: bytes = b"", headers: Any = NO_HEADERS, **more: Any) -> Answer:
        name = more.pop("pair", "demo")
        secrets = {"demo": "demo-secret-access-key"}
        pair = Pair(f"{name}-key-id", secrets.get(name, f"{name}-secret"))
        more.setdefault("signer", Signer(pair))
        return Endpoint(b2.s3_address[1]).signed(method, target, body, headers, **more)

    return signed


@pytest.fixture
def get(b2: B2) -> Callable[..., Answer]:
    """Send an unsigned request to the download host."""
    return lambda path, headers=NO_HEADERS, method="GET": Endpoint(b2.friendly_address[1]).send(method, path, headers)
