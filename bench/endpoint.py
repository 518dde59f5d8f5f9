"""The S3 endpoint of a run: a sink, the strict stand-in for B2, or one that is there already and that peers use too."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from bench.processes import free_port, running

PREFIX = "BOWERBIRD_S3_"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint with a bucket, and a key for it."""

    url: str
    region: str = "us-west-004"
    bucket: str = "bench"
    access_key_id: str = "bench-key-id"
    secret_access_key: str = field(default="bench-secret-access-key", repr=False)

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> Self:
        """Return the endpoint that Bowerbird's own settings name; what they do not name is as in the sink."""
        names = {"url": "ENDPOINT", "region": "REGION", "bucket": "BUCKET"}
        names |= {"access_key_id": "ACCESS_KEY_ID", "secret_access_key": "SECRET_ACCESS_KEY"}
        found = {name: environ[PREFIX + variable] for name, variable in names.items() if environ.get(PREFIX + variable)}
        return cls(**{"url": "http://127.0.0.1:1", **found})

    def environment(self) -> dict[str, str]:
        """Return the settings that name this endpoint."""
        return {
            "BOWERBIRD_STORE": "s3",
            f"{PREFIX}ENDPOINT": self.url,
            f"{PREFIX}REGION": self.region,
            f"{PREFIX}BUCKET": self.bucket,
            f"{PREFIX}ACCESS_KEY_ID": self.access_key_id,
            f"{PREFIX}SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def address(self, key: str) -> str:
        """Return the URL of an object."""
        return f"{self.url.rstrip('/')}/{self.bucket}/{key}"


@contextmanager
def sink() -> Iterator[Endpoint]:
    """Run an endpoint that takes everything and keeps nothing."""
    port = free_port()
    with running(["-m", "bench.sink", str(port)], {}, port):
        yield Endpoint(f"http://127.0.0.1:{port}")


@contextmanager
def strict() -> Iterator[Endpoint]:
    """Run the stand-in that refuses what B2 refuses, and keeps what it takes in memory."""
    port, friendly = free_port(), free_port()
    endpoint = Endpoint(f"http://127.0.0.1:{port}")
    chosen = {
        "--s3-port": port,
        "--friendly-port": friendly,
        "--bucket": endpoint.bucket,
        "--region": endpoint.region,
        "--key-id": endpoint.access_key_id,
        "--secret": endpoint.secret_access_key,
    }
    arguments = [str(word) for option in chosen.items() for word in option]
    with running(["-m", "tests.b2", *arguments], {}, port):
        yield endpoint
