"""Zipline, versions 3 and 4, as a source: its PostgreSQL, a dump of it, or the JSON that it exports."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from ..errors import BadRequest
from .copied import Dump, Row
from .files import Files
from .incoming import Incoming, Passed, Source, moment, short_id, tidy_albums, tidy_tags

NAME = "zipline"
PROTECTED = "protected there by a password or a number of views, and here open to all (--protected takes it)"
EXPIRED = "its time is over"

_ROUTE = "/u"
_MAX_JSON = 256 * 1024 * 1024  # a million files; all of it is in memory, several times over


@dataclass(frozen=True, slots=True)
class _File:
    """A file as both versions and all formats tell it."""

    id: str
    name: str
    original: str | None
    type: str
    created_at: datetime | None
    expires_at: datetime | None
    is_favourite: bool
    is_protected: bool
    user: str | None
    folder: str | None


@dataclass(frozen=True, slots=True)
class _Library:
    """What the rest of the database says; `users`, `folders` and `tags` by the ids of users, folders and files."""

    files: Iterable[_File]
    users: dict[str, str]
    folders: dict[str, str]
    tags: dict[str, list[str]]
    route: str = _ROUTE


def read_zipline(database: str, files: Files, *, user: str | None, with_protected: bool, now: datetime) -> Source:
    """Return the images of a Zipline: of its `user`, or of all.

    `database` is a postgresql:// address, or the path of a plain dump or of an export in JSON. Raises BadRequest where
    that is none of them.
    """
    library = _open(database)
    if user is not None and user not in library.users.values():
        raise BadRequest(f"there is no user {user!r} in this Zipline")

    def items() -> Iterator[Incoming | Passed]:
        for file in library.files:
            if user is None or library.users.get(file.user or "") == user:
                yield _incoming(file, library, files, with_protected, now)

    return Source(NAME, items())


def _incoming(file: _File, library: _Library, files: Files, with_protected: bool, now: datetime) -> Incoming | Passed:
    old = f"{library.route.rstrip('/')}/{file.name}"
    if not file.type.startswith(("image/", "video/")):
        return Passed(old, f"neither image nor video but {file.type or 'of no type'}")
    if file.expires_at and file.expires_at <= now:
        return Passed(old, EXPIRED)
    if file.is_protected and not with_protected:
        return Passed(old, PROTECTED)
    return Incoming(
        # The ids are counted from one in version 3, and given anew in an export; a name is one of a datasource.
        source_id=short_id(f"{file.created_at} {file.name}"),
        old=old,
        load=files.load(file.name),
        name=file.original or file.name,
        tags=tidy_tags(library.tags.get(file.id, ())),
        created_at=file.created_at,
        expires_at=file.expires_at,
        is_favourite=file.is_favourite,
        is_video=file.type.startswith("video/"),
        albums=tidy_albums([library.folders.get(file.folder or "")]),
    )


def _open(database: str) -> _Library:
    if database.startswith(("postgresql://", "postgres://")):
        from .postgresql import Server  # noqa: PLC0415 few need its driver

        with closing(Server(database)) as server:
            library = _of_tables(server)
            return replace(library, files=list(library.files))  # an import takes longer than a transaction should
    path = Path(database)
    try:
        with path.open("rb") as file:
            is_json = file.read(64).lstrip().startswith(b"{")
    except OSError as e:
        raise BadRequest(f"{database} cannot be read: {e.strerror}") from e
    return _of_json(path) if is_json else _of_tables(Dump(path))


class _Tables(Protocol):
    """A database, wherever it is."""

    def rows(self, table: str) -> Iterator[Row]: ...
    def tables(self) -> set[str]: ...


def _of_tables(tables: _Tables) -> _Library:
    if "File" not in tables.tables():
        raise BadRequest('there is no "File" in it: is it a dump of a Zipline 3 or 4, its rows in COPY blocks?')
    names = {_column(row, "id"): _column(row, "name") for row in tables.rows("Tag")}
    tags: dict[str, list[str]] = defaultdict(list)
    for row in tables.rows("_FileToTag"):
        tags[_column(row, "A")].append(names.get(_column(row, "B"), ""))
    return _Library(
        files=(_of_row(row) for row in tables.rows("File")),
        users={_column(row, "id"): _column(row, "username") for row in tables.rows("User")},
        folders={_column(row, "id"): _column(row, "name") for row in tables.rows("Folder")},
        tags=tags,
        route=next((row.get("filesRoute") or _ROUTE for row in tables.rows("Zipline")), _ROUTE),
    )


def _of_row(row: dict[str, Any]) -> _File:
    """Return a row of "File": version 4 says type and deletesAt where version 3 says mimetype and expiresAt."""
    return _File(
        id=_column(row, "id"),
        name=_column(row, "name"),
        original=str(row.get("originalName") or "") or None,
        type=str(row.get("type") or row.get("mimetype") or ""),
        created_at=moment(row.get("createdAt")),
        expires_at=moment(row.get("deletesAt") or row.get("expiresAt")),
        is_favourite=row.get("favorite") in ("t", True),
        is_protected=bool(row.get("password")) or row.get("maxViews") is not None,
        user=str(row.get("userId")),
        folder=str(row.get("folderId")),
    )


def _column(row: dict[str, Any], name: str) -> str:
    if name not in row:
        raise BadRequest(f"a row has no column {name!r}: is it of a Zipline 3 or 4?")
    return str(row[name])


def _of_json(path: Path) -> _Library:
    try:
        if path.stat().st_size > _MAX_JSON:
            raise BadRequest(f"{path} has more than {_MAX_JSON:,} bytes: give the database, or a dump of it")
        told = json.loads(path.read_text(encoding="utf-8"))
        version = told["versions"]["export"]
        read: Callable[[dict[str, Any]], _Library] = {"3": _of_export_3, "4": _of_export_4}[version]
        return read(told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise BadRequest(f"{path} is no export of a Zipline, version 3 or 4") from e


def _of_export_4(told: dict[str, Any]) -> _Library:
    data = told["data"]
    tags: dict[str, list[str]] = defaultdict(list)
    for tag in data["userTags"]:
        for file in tag["files"]:
            tags[str(file)].append(tag["name"])
    return _Library(
        files=[_of_row(row) for row in data["files"]],
        users={str(user["id"]): user["username"] for user in data["users"]},
        folders={str(folder["id"]): folder["name"] for folder in data["folders"]},
        tags=tags,
        route=(data.get("settings") or {}).get("filesRoute") or _ROUTE,
    )


def _of_export_3(told: dict[str, Any]) -> _Library:
    """Its files, users and folders are objects by id, in snake case; a folder names its files."""
    folder_of = {file: key for key, folder in told["folders"].items() for file in folder["files"]}
    names = {"original_name": "originalName", "created_at": "createdAt", "expires_at": "expiresAt", "user": "userId"}
    names |= {"max_views": "maxViews"}
    rows = (
        {names.get(name, name): value for name, value in file.items()} | {"id": key, "folderId": folder_of.get(key)}
        for key, file in told["files"].items()
    )
    return _Library(
        files=[_of_row(row) for row in rows],
        users={key: user["username"] for key, user in told["users"].items()},
        folders={key: folder["name"] for key, folder in told["folders"].items()},
        tags={},
    )
