"""A stand-in for Backblaze B2 that is as strict as B2: moto stores, a front of our own refuses what B2 refuses."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from .account import Account
from .faults import Fault, Faults
from .friendly import FriendlyFront
from .front import Record, S3Front
from .sigv4 import ALL, Key
from .storage import Storage
from .tls import make_certificate

__all__ = ["ALL", "B2", "Fault", "Key", "Record"]


class B2:
    """One account with one bucket: its S3 host, and its download host; ports of 0 are chosen by the system.

    With `tls` both speak TLS and nothing else, as B2 does; `ca_bundle` is then the certificate to trust.
    """

    def __init__(
        self,
        region: str = "us-west-004",
        bucket: str = "bowerbird-demo",
        keys: Sequence[Key] = (Key("demo-key-id", "demo-secret-access-key"),),
        *,
        s3_port: int = 0,
        friendly_port: int = 0,
        tls: bool = False,
        host: str = "127.0.0.1",
        accept_checksums: bool = False,
        clock: Callable[[], float] = time.time,
        is_public: bool = True,
    ) -> None:
        self.region = region
        self.bucket = bucket
        self.key = keys[0]
        self.faults = Faults()
        self._folder = TemporaryDirectory(prefix="b2-")
        certificate = make_certificate(Path(self._folder.name), host) if tls else None
        self.ca_bundle = certificate[0] if certificate else None
        self._storage = Storage(bucket, region)
        self._account = Account(
            self._storage,
            {key.access_key_id: key for key in keys},
            region,
            bucket,
            clock=clock,
            is_public=is_public,
            accept_checksums=accept_checksums,
        )
        self._s3 = S3Front(self._account, self.faults, host, s3_port, certificate)
        self._friendly = FriendlyFront(
            self._storage,
            bucket,
            self.faults,
            self._account.count,
            is_public=is_public,
            host=host,
            port=friendly_port,
            tls=certificate,
        )

    def start(self) -> Self:
        self._storage.start()
        self._s3.start()
        self._friendly.start()
        return self

    def stop(self) -> None:
        self._friendly.stop()
        self._s3.stop()
        self._storage.stop()
        self._folder.cleanup()

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        return self._s3.url

    @property
    def friendly(self) -> str:
        return self._friendly.url

    @property
    def s3_address(self) -> tuple[str, int]:
        return self._s3.address

    @property
    def friendly_address(self) -> tuple[str, int]:
        return self._friendly.address

    @property
    def requests(self) -> list[Record]:
        """What has come to the S3 host, in order."""
        return self._s3.records

    @property
    def downloads(self) -> list[Record]:
        """What has come to the download host, in order."""
        return self._friendly.records

    @property
    def transactions(self) -> Counter[str]:
        """How many transactions of each class were paid for."""
        return self._account.transactions

    def forget(self) -> None:
        """Forget requests, transactions and faults; what is stored stays."""
        self._s3.forget()
        self.downloads.clear()
        self.transactions.clear()
        self.faults.clear()

    def empty(self) -> None:
        """Remove every version of everything and every unfinished upload, and forget."""
        self._storage.empty()
        self.forget()

    def versions(self, key: str | None = None) -> list[tuple[str, str, bool, int]]:
        """Return what is stored: key, version id, whether it is a hide marker, size."""
        return [one for one in self._storage.versions() if key in (None, one[0])]

    def body(self, key: str) -> bytes | None:
        """Return the current bytes of `key`; None if there are none, or they are hidden."""
        return self._storage.body(key)
