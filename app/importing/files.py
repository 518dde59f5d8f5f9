"""Where the files of another image host are: a folder, or an address that their names are put behind."""

import os
import stat
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import quote

from ..errors import BadRequest, Refused
from ..fetching import Fetcher
from .incoming import Load, Sink

_COPY_BYTES = 256 * 1024


class Files(Protocol):
    """The files of a source, by name."""

    def load(self, name: str) -> Load:
        """Return what loads the file of this name; it raises Refused if there is none."""


class FolderFiles:
    """Files below one folder; a name never leads out of it, and no link does."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise BadRequest(f"{folder} is no folder")
        self._folder = folder.resolve()

    def load(self, name: str) -> Load:
        """See Files.load."""
        return lambda into: self._read(name, into)

    def _read(self, name: str, into: Sink) -> None:
        path = self._folder / os.fsdecode(_checked(name))
        if not Path(os.path.realpath(path)).is_relative_to(self._folder):  # which ends for links in a circle, too
            raise Refused("its file is not below the folder")
        read_file(path, into)


class WebFiles:
    """Files behind one address."""

    def __init__(self, base: str, fetcher: Fetcher) -> None:
        self._base, self._fetcher = base.rstrip("/"), fetcher

    def load(self, name: str) -> Load:
        """See Files.load."""
        return lambda into: self._read(name, into)

    def _read(self, name: str, into: Sink) -> None:
        self._fetcher.fetch(f"{self._base}/{quote(_checked(name))}", into)


def open_files(where: str, fetcher: Fetcher) -> Files:
    """Return the files at `where`, a folder or an http(s) address; raise BadRequest if it is neither."""
    is_address = where.lower().startswith(("http://", "https://"))
    return WebFiles(where, fetcher) if is_address else FolderFiles(Path(where))


def _checked(name: str) -> bytes:
    """Return the name as the disk has it; raise Refused for one that leads out of its place, or is none."""
    try:
        data = os.fsencode(name)
    except UnicodeEncodeError as e:
        raise Refused("its name is no text") from e
    if b"\0" in data or ".." in PurePosixPath(name).parts:
        raise Refused("its file is not below the folder")
    return data


def read_file(path: Path, into: Sink) -> datetime | None:
    """Write the file to the sink; raise Refused if it cannot be read, or is no file but a link, say."""
    try:
        # A pipe would keep us waiting, and a link may lead anywhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused("it is not a file")
            while chunk := file.read(_COPY_BYTES):
                into.write(chunk)
    except FileNotFoundError as e:
        raise Refused("its file is not there") from e
    except OSError as e:
        raise Refused(f"its file cannot be read: {(e.strerror or str(e)).lower()}") from e
    return None
