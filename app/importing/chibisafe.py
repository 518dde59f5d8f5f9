"""chibisafe 6 as a source: its SQLite database, and the files in its `uploads` folder."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .files import Files
from .incoming import Incoming, Passed, Source, moment, short_id, tidy_albums, tidy_tags
from .sqlite import rows

NAME = "chibisafe"

_USERS = "SELECT id, username FROM users"
_TAGS = 'SELECT link."A" AS file, tags.name FROM "_filesTotags" AS link JOIN tags ON tags.id = link."B"'
_ALBUMS = 'SELECT link."B" AS file, albums.name FROM "_albumsTofiles" AS link JOIN albums ON albums.id = link."A"'


def read_chibisafe(database: Path, files: Files, *, user: str | None) -> Source:
    """Return the images of a chibisafe: of its `user`, or of all. Raises BadRequest if it is no database of one."""
    users = {row["id"]: row["username"] for row in rows(database, _USERS)}
    tags, albums = _by_file(database, _TAGS), _by_file(database, _ALBUMS)

    def items() -> Iterator[Incoming | Passed]:
        for row in rows(database, "SELECT * FROM files ORDER BY id"):
            if user is None or users.get(row["userId"]) == user:
                yield _incoming(row, files, tags[row["id"]], albums[row["id"]])

    return Source(NAME, items())


def _incoming(row: dict[str, Any], files: Files, tags: list[str], albums: list[str]) -> Incoming | Passed:
    name = f"live/{row['name']}" if row.get("isWatched") else str(row["name"])
    old = f"/{name}"
    content_type = str(row["type"] or "")
    if not content_type.startswith(("image/", "video/")):
        return Passed(old, f"neither image nor video but {content_type or 'of no type'}")
    if row.get("quarantine"):
        return Passed(old, "in quarantine there")
    return Incoming(
        source_id=short_id(str(row["uuid"])),
        old=old,
        load=files.load(name),
        name=str(row["original"] or ""),
        tags=tidy_tags(tags),
        created_at=moment(row["createdAt"]),
        albums=tidy_albums(albums),
        is_video=content_type.startswith("video/"),
    )


def _by_file(database: Path, query: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for row in rows(database, query):
        found[row["file"]].append(row["name"])
    return found
