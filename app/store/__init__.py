"""Stores: a bucket as the app sees it. `base` has the protocol; `folder` and `s3` are the two that keep it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..settings import Settings
from .base import ObjectStore
from .folder import FolderStore

if TYPE_CHECKING:
    from .s3_raw import RawBucket


def open_store(settings: Settings, *, count: Callable[[str], None], writer: str = "") -> ObjectStore:
    """Return the store the settings name; `writer` is the name of this server, `count` is told each S3 operation."""
    if settings.store == "folder":
        return FolderStore(settings.data_dir / "objects", writer)
    from .s3 import S3Store  # noqa: PLC0415 boto3 takes half a second to import, and the embedded store needs none

    return S3Store(**_account(settings), count=count)


def open_raw_bucket(settings: Settings) -> RawBucket:
    """Return the bucket that the settings name, for a diagnosis."""
    from .s3_raw import RawBucket  # noqa: PLC0415 as above

    return RawBucket(**_account(settings))


def _account(settings: Settings) -> dict[str, str]:
    return {
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "bucket": settings.s3_bucket,
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": settings.s3_secret_access_key.get_secret_value(),
    }
