"""The S3 store: B2 itself, the signing proxy, or any S3 endpoint; written for what B2 does and does not do."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError

from ..edge.headers import CACHE_CONTROL
from ..errors import StoreMisconfigured, StoreUnavailable
from ..keys import is_key, is_thumbnail_key, read_piece
from .base import StoredObject
from .s3_client import make_client
from .s3_errors import TRANSIENT, UNREADABLE, Failure, Missing, is_about_the_name, refusal, retry_after, status_of
from .s3_lists import objects_of
from .s3_parts import PART_BYTES, InParts
from .s3_put import Putter, digest
from .s3_reading import check, copy, stored
from .s3_versions import is_there, only_versions, repeats, versions_of

PATIENCE_S = 40.0  # B2's 503 "no tomes available" is by design and may last a while
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
_PING_KEY = "22222222.png"  # a key like any other; whether it is there does not matter

_PAGE = 1000  # of a list: the most that S3 gives at once
_ATTEMPTS = "x-bowerbird-attempts"


class S3Store:
    """One bucket. `count` is told the name of each operation that is sent, repeats included; `patience_s` is for how
    long a put or delete is tried again; `clock` and `sleep` are for tests."""

    late_put_s = 120.0  # what was sent to its end may be stored after the sender died

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        bucket: str,
        access_key_id: str,
        secret_access_key: str,
        count: Callable[[str], None] = lambda operation: None,
        ca_bundle: Path | None = None,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bucket = bucket
        self._count = count
        self._patience_s = patience_s
        self._clock = clock
        self._sleep = sleep
        self._client: Any = None
        self._putter: Putter | None = None
        self._account: dict[str, Any] = {
            "endpoint": endpoint,
            "region": region,
            "access_key_id": access_key_id,
            "secret_access_key": secret_access_key,
            "ca_bundle": ca_bundle,
        }

    def put(
        self, key: str, body: BinaryIO, *, content_type: str, is_foreign: bool = False, sha256: str | None = None
    ) -> str | None:
        """See ObjectStore.put. Returns None also where an earlier attempt may have left a version of its own."""
        _check_name(key) if is_foreign else _check(key)
        if (size := body.seek(0, 2)) > PART_BYTES:
            return InParts(self._call, self._persist, self.head).put(key, body, size, content_type=content_type)
        md5 = digest(body, size, "md5")
        sha256 = sha256 or digest(body, size, "sha256")
        headers = {"content-type": content_type, "cache-control": CACHE_CONTROL}

        def attempt() -> str | None:
            self._putter = self._putter or Putter(self._count, bucket=self._bucket, **self._account)
            answer = self._ask(self._putter.put, key, body, size, headers, sha256)
            if answer.status != 200 or answer.headers.get("etag", "").strip('"') != md5:
                raise Failure("the answer to a put was not that of a store")
            # Our signing proxy says so where it had to repeat the put: there may be another version.
            is_one = answer.headers.get(_ATTEMPTS, "1") == "1"
            return answer.headers.get("x-amz-version-id") if is_one else None

        version_id, is_only_one = self._persist(attempt)
        return version_id if is_only_one else None

    def replace(self, key: str, body: BinaryIO, *, content_type: str) -> str | None:
        """See ObjectStore.replace."""
        self.put(key, body, content_type=content_type)
        versions = self._versions(key)
        self._delete(key, [one["VersionId"] for one in versions if not one["IsLatest"]])
        return next((one["VersionId"] for one in versions if one["IsLatest"]), None)

    def delete(self, key: str, version_id: str | None = None) -> None:
        """See ObjectStore.delete. Without a version id the versions of this one key are listed and removed."""
        _check_name(key)
        self._delete(key, [version_id] if version_id else [one["VersionId"] for one in self._versions(key)])

    def delete_hidden(self, key: str) -> None:
        """See ObjectStore.delete_hidden. Only what was listed is removed, so an object that is put meanwhile stays."""
        _check_name(key)
        versions = self._versions(key)
        if not is_there(versions):
            self._delete(key, [one["VersionId"] for one in versions])

    def keep_one(self, key: str) -> str | None:
        """See ObjectStore.keep_one."""
        _check_name(key)
        versions = self._versions(key)
        self._delete(key, [one["VersionId"] for one in repeats(versions)])
        return next((one["VersionId"] for one in versions if one["IsLatest"] and "Size" in one), None)

    def head(self, key: str) -> StoredObject | None:
        """See ObjectStore.head."""
        _check_name(key)
        try:
            answer = self._connect().head_object(Bucket=self._bucket, Key=key)
            check("head_object", answer)
        except ClientError as e:
            if status_of(e) == 404:
                return None
            raise refusal(e) from e
        except (Failure, *UNREADABLE) as e:
            raise StoreUnavailable("the store does not answer as it should") from e
        return stored(key, answer)

    def fetch(self, key: str, into: BinaryIO, *, max_bytes: int) -> StoredObject | None:
        """See ObjectStore.fetch."""
        _check_name(key)

        def attempt() -> StoredObject | None:
            try:
                answer = self._call("get_object", Key=key)
            except Missing:
                return None
            except StoreMisconfigured as e:
                if not is_about_the_name(e.__cause__):
                    raise
                raise ValueError(f"{key[:80]!r} is not a name that the endpoint takes") from e
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] <= max_bytes:
                    into.seek(0)
                    into.truncate()
                    copy(body, into)
            return stored(key, answer)

        return cast(StoredObject | None, self._persist(attempt)[0])

    def list_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """See ObjectStore.list_objects."""
        named = {"Prefix": prefix} if prefix else {}
        return objects_of(lambda after: self._page("list_objects_v2", **named, **after))

    def list_versions(self) -> Iterator[tuple[str, str | None]]:
        """See ObjectStore.list_versions."""
        return only_versions(lambda after: self._page("list_object_versions", **after))

    def ping(self) -> None:
        """See ObjectStore.ping: asks for a key (class B), for a restricted key may not ask for the bucket."""
        self.head(_PING_KEY)

    def sweep(self, is_alive: Callable[[str], bool]) -> int:
        """See ObjectStore.sweep."""
        return 0

    def _delete(self, key: str, versions: Sequence[str]) -> None:
        for version in versions:
            with suppress(Missing):
                self._persist(lambda version=version: self._call("delete_object", Key=key, VersionId=version))

    def _versions(self, key: str) -> list[dict[str, Any]]:
        return versions_of(key, lambda after: self._page("list_object_versions", Prefix=key, **after))

    def _page(self, operation: str, **parameters: str) -> dict[str, Any]:
        found = self._persist(lambda: self._call(operation, MaxKeys=_PAGE, **parameters))
        return cast(dict[str, Any], found[0])

    def _persist(self, attempt: Callable[[], Any]) -> tuple[Any, bool]:
        """Return what `attempt` returns, tried again until the patience is over, and whether no attempt before it
        can have had an effect."""
        end = self._clock() + self._patience_s
        pause_s, is_only_one = FIRST_PAUSE_S, True
        while True:
            try:
                return attempt(), is_only_one
            except Failure as failure:
                is_only_one = is_only_one and not failure.was_sent
                wait_s = max(failure.retry_after_s, pause_s * random.uniform(0.75, 1.25))  # noqa: S311 only a pause
                if self._clock() + wait_s > end:
                    raise StoreUnavailable(f"the store does not take the upload right now ({failure.why})") from failure
            self._disconnect()  # B2 wants the next try on a new connection: it may meet another machine
            self._sleep(wait_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _call(self, operation: str, **parameters: Any) -> Any:
        answer = self._ask(getattr(self._connect(), operation), Bucket=self._bucket, **parameters)
        check(operation, answer)
        return answer

    def _ask(self, send: Callable[..., Any], *arguments: Any, **parameters: Any) -> Any:
        """Return the answer to what `send` sends, or raise what it means."""
        try:
            return send(*arguments, **parameters)
        except ClientError as e:
            if status_of(e) in TRANSIENT:
                raise Failure(f"it answered {status_of(e)}", retry_after_s=retry_after(e)) from e
            if e.response.get("Error", {}).get("Code") in ("NoSuchKey", "NoSuchUpload"):  # not so a bucket
                raise Missing from e
            raise refusal(e) from e
        except BotoCoreError as e:
            raise Failure("the connection failed") from e
        except UNREADABLE as e:
            raise Failure("its answer was not that of a store") from e

    def _connect(self) -> Any:
        if self._client is None:
            self._client = make_client(self._counted, **self._account)
        return self._client

    def _counted(self, event_name: str, **_: Any) -> None:
        self._count(event_name.rpartition(".")[2])

    def _disconnect(self) -> None:
        for connected in filter(None, (self._client, self._putter)):
            connected.close()
        self._client = self._putter = None


def _check_name(key: str) -> None:
    """Others may write to the bucket too, and B2 takes other names than ours."""
    if not 0 < len(key.encode()) <= 1024:
        raise ValueError(f"{key[:80]!r} is not a name that B2 holds")


def _check(key: str) -> None:
    if not (is_key(key) or is_thumbnail_key(key) or read_piece(key)):
        raise ValueError(f"{key[:80]!r} is not a key")
