"""A folder of images as a source: what lies in it, and what `bowerbird export` has written beside."""

import mimetypes
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import sidecar
from ..errors import BadRequest
from .files import read_file
from .incoming import Incoming, Passed, Source, moment, short_id, tidy_albums, tidy_tags, tidy_title


def read_folder(folder: Path, *, is_recursive: bool = True) -> Source:
    """Return the files of a folder, in the order of their names; what is hidden is left out, and no link is followed.

    An image's date is that of its file. Raises BadRequest if it is no folder that can be read.
    """
    root = folder.resolve()
    if not os.access(root, os.R_OK | os.X_OK) or not root.is_dir():
        raise BadRequest(f"{folder} is no folder that can be read")
    return Source(f"folder:{short_id(str(root))}", _walk(root, is_recursive))


def _walk(root: Path, is_recursive: bool) -> Iterator[Incoming | Passed]:
    problems: list[OSError] = []
    for place, folders, names in os.walk(root, onerror=problems.append):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if is_recursive else []
        here = Path(place)
        for name in sorted(name for name in names if not name.startswith(".")):
            yield from _look_at(root, here / name, names)
        for problem in problems:
            yield Passed(_shown(root, Path(problem.filename)), f"cannot be read: {problem.strerror}")
        problems.clear()


def _look_at(root: Path, path: Path, names: list[str]) -> Iterator[Incoming | Passed]:
    old = _shown(root, path)
    if path.name.endswith(sidecar.ENDING) and path.name.removesuffix(sidecar.ENDING) in names:
        return
    if path.is_symlink() or not path.is_file():
        yield Passed(old, "a link, or no file")
        return
    modified_at = _modified_at(path)
    one = Incoming(
        source_id=short_id(str(path.relative_to(root))),
        old=old,
        load=lambda into: read_file(path, into),
        name=path.name,
        created_at=modified_at,
        is_image=(mimetypes.guess_type(path.name)[0] or "").startswith("image/"),
    )
    if path.name + sidecar.ENDING in names:
        told = sidecar.read(path.with_name(path.name + sidecar.ENDING))
        one = _told_of(one, told) if told else one
    yield one


def _told_of(one: Incoming, told: dict[str, Any]) -> Incoming:
    """Return an exported image, wherever its folder is by now, with what is told of it."""
    tags, albums, file_name = (told.get(name) for name in ("tags", "albums", "file_name"))
    return replace(
        one,
        source="bowerbird",
        source_id=short_id(told["key"]),
        key=told["key"],
        sha256=told["sha256"],
        name=file_name if isinstance(file_name, str) else None,
        title=tidy_title(told.get("title")),
        tags=tidy_tags(tags) if isinstance(tags, list) else (),
        created_at=moment(told.get("created_at")) or one.created_at,
        expires_at=moment(told.get("expires_at")),
        is_favourite=told.get("is_favourite") is True,
        albums=tidy_albums(albums) if isinstance(albums, list) else (),
        is_image=True,
        keep_metadata=True,  # what was to be removed is not in it
    )


def _modified_at(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(path.lstat().st_mtime), UTC)
    except (OSError, ValueError, OverflowError):
        return None


def _shown(root: Path, path: Path) -> str:
    return str(path.relative_to(root)).encode("utf-8", "backslashreplace").decode()
