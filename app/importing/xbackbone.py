"""XBackBone 3 as a source: its SQLite database, and the files in its `storage` folder."""

import mimetypes
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .files import Files
from .incoming import Incoming, Passed, Source, moment, short_id, tidy_tags
from .sqlite import rows

NAME = "xbackbone"
HIDDEN = "hidden there, and here open to all who have its address (--protected takes it)"

_USERS = "SELECT id, username FROM users"
_TAGS = "SELECT link.upload_id, tags.name FROM uploads_tags AS link JOIN tags ON tags.id = link.tag_id"
_TABLES = "SELECT name FROM sqlite_master WHERE name = 'uploads_tags'"


def read_xbackbone(database: Path, files: Files, *, user: str | None, with_protected: bool) -> Source:
    """Return the images of an XBackBone: of its `user`, or of all. Raises BadRequest if it is no database of one."""
    users = {row["id"]: row["username"] for row in rows(database, _USERS)}
    tags: dict[int, list[str]] = defaultdict(list)
    if list(rows(database, _TABLES)):  # since 3.1
        for row in rows(database, _TAGS):
            tags[row["upload_id"]].append(row["name"])

    def items() -> Iterator[Incoming | Passed]:
        for row in rows(database, "SELECT * FROM uploads ORDER BY id"):
            if user is None or users.get(row["user_id"]) == user:
                yield _incoming(row, files, tags[row["id"]], with_protected)

    return Source(NAME, items())


def _incoming(row: dict[str, Any], files: Files, tags: list[str], with_protected: bool) -> Incoming | Passed:
    place = str(row["storage_path"])
    old = f"/{place}"
    content_type = mimetypes.guess_type(place)[0] or ""  # it keeps none
    if content_type and not content_type.startswith(("image/", "video/")):
        return Passed(old, f"neither image nor video but {content_type}")
    if not row["published"] and not with_protected:
        return Passed(old, HIDDEN)
    return Incoming(
        source_id=short_id(f"{row['timestamp']} {place}"),
        old=old,
        load=files.load(place),
        name=str(row["filename"] or ""),
        tags=tidy_tags(tags),
        created_at=moment(row["timestamp"]),
        is_image=bool(content_type),
        is_video=content_type.startswith("video/"),
    )
