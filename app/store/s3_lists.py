"""The pages of an endpoint's lists, read with care: what is missing from them, and lists that never end."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from ..errors import StoreUnavailable
from .base import StoredObject

Page = Callable[[dict[str, str]], dict[str, Any]]

_MOST_BYTES = 2**63  # the catalog holds no larger size
_YEARS = range(1970, 9999)
_MOST_EMPTY = 1000  # pages in a row: S3 may give some where much was deleted


class Onward:
    """Sees that page after page leads to an end: an endpoint may give the same one for ever."""

    def __init__(self) -> None:
        self._marker: object = None
        self._names: list[tuple[bytes, str]] = []
        self._empty = 0

    def check(self, entries: Iterable[dict[str, Any]], marker: object) -> None:
        """Raise StoreUnavailable where a page that `marker` follows does not go on from the one before it."""
        names = sorted((one["Key"].encode(), one.get("VersionId", "")) for one in entries)
        self._empty = 0 if names else self._empty + 1
        is_behind = bool(names and self._names and (names[0][0] < self._names[-1][0] or names == self._names))
        if is_behind or marker == self._marker or self._empty > _MOST_EMPTY:
            raise StoreUnavailable("the store's list does not come to an end")
        self._marker, self._names = marker, names or self._names


def objects_of(page: Page) -> Iterator[StoredObject]:
    """Yield every object of a list; `page` answers ListObjectsV2 from the token it is given. Raises StoreUnavailable
    where the keys are not in order: whoever holds it against another list would miss what is there."""
    onward, token, last = Onward(), dict[str, str](), b""
    while True:
        answer = page(token)
        contents = answer.get("Contents", [])
        if answer.get("IsTruncated"):
            token = {"ContinuationToken": answer["NextContinuationToken"]}
            onward.check(contents, token)
        for one in contents:
            if last and one["Key"].encode() <= last:
                raise StoreUnavailable("the store's list is not in order")
            last = one["Key"].encode()
            yield StoredObject(one["Key"], one["Size"], one["ETag"], one["LastModified"])
        if not answer.get("IsTruncated"):
            return


def is_page_of_objects(answer: dict[str, Any]) -> bool:
    """Whether this is what S3 answers to ListObjectsV2, as far as it is read."""
    has_next = not answer.get("IsTruncated") or bool(answer.get("NextContinuationToken"))
    return len(answer) > 1 and has_next and all(_is_object(one) for one in answer.get("Contents", []))


def is_page_of_versions(answer: dict[str, Any]) -> bool:
    """Whether this is what S3 answers to ListObjectVersions, as far as it is read."""
    versions, markers = answer.get("Versions", []), answer.get("DeleteMarkers", [])
    has_next = not answer.get("IsTruncated") or bool(answer.get("NextKeyMarker"))
    are_named = all({"Key", "VersionId", "IsLatest"} <= one.keys() for one in [*versions, *markers])
    return len(answer) > 1 and has_next and are_named and all(_is_object(one) for one in versions)


def is_told(size: int, modified_at: datetime) -> bool:
    """Whether an object can have this size, in bytes, and can have been put at this time."""
    return 0 <= size < _MOST_BYTES and modified_at.year in _YEARS


def _is_object(one: dict[str, Any]) -> bool:
    return {"Key", "Size", "ETag", "LastModified"} <= one.keys() and is_told(one["Size"], one["LastModified"])
