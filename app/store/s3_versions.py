"""The versions of one key, for a bucket keeps every one until it is removed by its id."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from .s3_lists import Onward, Page

Version = dict[str, Any]


def versions_of(key: str, page: Page) -> list[Version]:
    """Return every version of `key` (they have a Size), the latest first, and its hide markers behind them: while the
    versions go one by one, what hides them stays. `page` answers ListObjectVersions from the markers it is given."""
    versions: list[Version] = []
    markers: list[Version] = []
    onward, after = Onward(), {"KeyMarker": "", "VersionIdMarker": ""}
    while True:
        answer = page({name: value for name, value in after.items() if value})
        versions += [one for one in answer.get("Versions", []) if one["Key"] == key]
        markers += [one for one in answer.get("DeleteMarkers", []) if one["Key"] == key]
        after = {name: answer.get(f"Next{name}", "") for name in after}
        if not answer.get("IsTruncated") or after["KeyMarker"] != key:  # the key itself comes first of its prefix
            return [*versions, *markers]
        onward.check([*answer.get("Versions", []), *answer.get("DeleteMarkers", [])], after)


def only_versions(page: Page) -> Iterator[tuple[str, str | None]]:
    """Yield the keys that show an object, with the id of the version if it is the only one; `page` as above. What has
    one key may be spread over two pages."""
    held: list[Version] = []
    onward, after = Onward(), {"KeyMarker": "", "VersionIdMarker": ""}
    while True:
        answer = page({name: value for name, value in after.items() if value})
        after = {name: answer.get(f"Next{name}", "") for name in after}
        new = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
        found = sorted([*held, *new], key=lambda one: one["Key"].encode())
        is_last = not answer.get("IsTruncated")
        if not is_last:
            onward.check(new, after)
        held = [] if is_last else [one for one in found if one["Key"] == found[-1]["Key"]]
        for key, group in groupby(found[: len(found) - len(held)], key=lambda one: one["Key"]):
            versions = list(group)
            if is_there(versions):
                yield key, versions[0]["VersionId"] if len(versions) == 1 else None
        if is_last:
            return


def is_there(versions: list[Version]) -> bool:
    """Whether the key shows an object, and no hide marker."""
    return any(one["IsLatest"] and "Size" in one for one in versions)


def repeats(versions: list[Version]) -> list[Version]:
    """Return the versions that hold the same bytes as the latest, which a repeated put has left."""
    latest = next((one for one in versions if one["IsLatest"] and "Size" in one), None)
    if latest is None:
        return []
    others = [one for one in versions if "Size" in one and one["VersionId"] != latest["VersionId"]]
    return [one for one in others if (one["ETag"], one["Size"]) == (latest["ETag"], latest["Size"])]
