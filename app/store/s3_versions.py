"""The versions of one key, for a bucket keeps every one until it is removed by its id."""

from collections.abc import Callable
from typing import Any

Version = dict[str, Any]


def versions_of(key: str, page: Callable[[dict[str, str]], dict[str, Any]]) -> list[Version]:
    """Return every version of `key` (they have a Size), the latest first, and its hide markers behind them: while the
    versions go one by one, what hides them stays. `page` answers ListObjectVersions from the markers it is given."""
    versions: list[Version] = []
    markers: list[Version] = []
    after = {"KeyMarker": "", "VersionIdMarker": ""}
    while True:
        answer = page({name: value for name, value in after.items() if value})
        versions += [one for one in answer.get("Versions", []) if one["Key"] == key]
        markers += [one for one in answer.get("DeleteMarkers", []) if one["Key"] == key]
        after = {name: answer.get(f"Next{name}", "") for name in after}
        if not answer.get("IsTruncated") or after["KeyMarker"] != key:  # the key itself comes first of its prefix
            return [*versions, *markers]


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
