"""What is uploaded: files, what a pattern or a folder stands for, each opened so that a change is noticed."""

import glob
import mimetypes
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import Refused

MULTIPLE = frozenset("*?[")
_UNFINISHED = (".part", ".crdownload", ".download", ".tmp", ".temp", ".swp", "~")
_PICTURES = (".avif", ".heic", ".heif", ".webp", ".apng", ".webm", ".mov", ".mp4")  # not known to every mimetypes


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to upload. `label` is what the user called it, `name` what its file is called on the server.

    It is the file at `path`, or what `load` writes into a file that it is given, once its turn comes; or it cannot be
    uploaded at all, as `problem` says.
    """

    label: str
    name: str
    path: Path | None = None
    load: Callable[[Path], None] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file and what was known of it then; `size` in bytes."""

    file: BinaryIO
    size: int
    modified_ns: int

    def check(self) -> None:
        """Raise Refused if the file was changed since."""
        now = os.fstat(self.file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.size, self.modified_ns):
            raise Refused("it was changed while it was sent; nothing of it was kept")


def expand(arguments: Iterable[str], *, is_recursive: bool) -> Iterator[Source]:
    """Yield what each argument stands for, in their order: a file, the files of a folder, or those a pattern finds."""
    for argument in arguments:
        path = Path(argument)
        if MULTIPLE & set(argument) and not os.path.lexists(path):
            yield from _pattern(argument, is_recursive)
        elif is_recursive and path.is_dir():
            yield from _folder(path)
        else:
            yield from_path(path)


def from_path(path: Path) -> Source:
    """Return the file at `path` as a source."""
    return Source(str(path), path.name, path)


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a file to read it; raise Refused, with the reason, for what is none, is empty or cannot be read."""
    try:
        _check_kind(path.stat())  # before it is opened: a pipe would wait for who writes, and a device may do anything
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as e:
        raise Refused("there is no such file") from e
    except (OSError, ValueError) as e:
        raise Refused(f"it cannot be read: {getattr(e, 'strerror', None) or e}") from e
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        _check_kind(found)
        if not found.st_size:
            raise Refused("the file is empty")
        yield Opened(file, found.st_size, found.st_mtime_ns)


def is_picture(name: str) -> bool:
    """Whether a file of this name is taken from a folder: an image or a recording, not hidden, not half-written.

    >>> [is_picture(name) for name in ("a.PNG", "b.heic", "c.mp4", ".d.png", "e.png.part", "notes.txt")]
    [True, True, True, False, False, False]
    """
    name = name.lower()
    if name.startswith(".") or name.endswith(_UNFINISHED):
        return False
    kind = mimetypes.guess_type(name)[0] or ""
    return name.endswith(_PICTURES) or (kind.startswith("image/") and kind != "image/svg+xml")


def _pattern(pattern: str, is_recursive: bool) -> Iterator[Source]:
    found = sorted(glob.glob(str(Path(pattern).expanduser()), recursive=True))  # noqa: PTH207 a pattern may be absolute
    files = [Path(one) for one in found if is_recursive or not Path(one).is_dir()]
    if not files:
        what = "only folders match; -r uploads what is in them" if found else "no file matches"
        yield Source(pattern, pattern, problem=what)
    for path in files:
        yield from _folder(path) if path.is_dir() else [from_path(path)]


def _folder(folder: Path) -> Iterator[Source]:
    """Yield the pictures of a folder and of those in it, by their names; no link to a folder is followed."""
    problems: list[OSError] = []
    count = 0
    for place, folders, names in os.walk(folder, onerror=problems.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(filter(is_picture, names)):
            count += 1
            yield from_path(Path(place, name))
    for problem in problems:
        yield Source(str(problem.filename), "", problem=f"it cannot be read: {problem.strerror}")
    if not count and not problems:
        yield Source(str(folder), folder.name, problem="there are no pictures in this folder")


def _check_kind(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise Refused("it is a folder; -r uploads what is in it")
    if stat.S_ISFIFO(found.st_mode):
        raise Refused("it is a pipe; give what comes out of it on standard input: bowerbird upload - < PIPE")
    if not stat.S_ISREG(found.st_mode):
        raise Refused("it is a device or a socket, not a file")
