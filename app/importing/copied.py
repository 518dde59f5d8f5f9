"""A plain dump of a PostgreSQL, read without a server: the rows in its COPY blocks."""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from ..errors import BadRequest

Row = dict[str, str | None]

_COPY = re.compile(r'COPY (?:(?:"[^"]+"|\w+)\.)?("[^"]+"|\w+) \((.*)\) FROM stdin;')
_COLUMN = re.compile(r'"((?:[^"]|"")+)"|([^\s,"]+)')
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_CONTROL = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CUSTOM = b"PGDMP"
_LONGEST = 64 * 1024 * 1024  # bytes of a line: a row with a picture of a user in it has some millions


class Dump:
    """A dump as `pg_dump --format=plain` writes it, perhaps compressed by gzip. No server is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as file:
            if file.read(len(_CUSTOM)) == _CUSTOM:
                raise BadRequest(
                    f"{path} is in pg_dump's own format; make a plain one of it: pg_restore --file=dump.sql {path}"
                )

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table as texts; none if the dump has no such table."""
        with self._open() as file:
            for name, columns in _blocks(file):
                if name == table:
                    yield from _rows(file, table, columns)
                    return

    def tables(self) -> set[str]:
        """Return the names of the tables whose rows are in the dump."""
        with self._open() as file:
            return {name for name, _ in _blocks(file)}

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        try:
            with self._path.open("rb") as file:
                is_packed = file.read(2) == b"\x1f\x8b"
                file.seek(0)
                yield cast(IO[bytes], gzip.GzipFile(fileobj=file)) if is_packed else file
        except (OSError, EOFError, zlib.error) as e:
            raise BadRequest(f"{self._path} cannot be read: {getattr(e, 'strerror', None) or e}") from e


def _blocks(file: IO[bytes]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield table and columns of each COPY, the file behind its first line; the block is passed over unless it is read
    to its end, for a text in it may look like another COPY."""
    while line := _line(file):
        found = _COPY.fullmatch(line.decode(errors="replace").rstrip("\r\n")) if line.startswith(b"COPY ") else None
        if found:
            columns = [quoted.replace('""', '"') or plain for quoted, plain in _COLUMN.findall(found[2])]
            yield found[1].strip('"'), columns
            for _ in _lines(file):
                pass


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a block, to its end."""
    while (line := _line(file)).rstrip(b"\r\n") != b"\\.":
        if not line:
            raise BadRequest("the dump ends in the midst of a table: it is not whole")
        yield line


def _line(file: IO[bytes]) -> bytes:
    line = file.readline(_LONGEST + 1)
    if len(line) > _LONGEST:
        raise BadRequest(f"a line of the dump has more than {_LONGEST:,} bytes; no more are read")
    return line


def _rows(file: IO[bytes], table: str, columns: Sequence[str]) -> Iterator[Row]:
    for line in _lines(file):
        values = line.decode(errors="replace").rstrip("\n").split("\t")
        if len(values) != len(columns):
            raise BadRequest(f"a row of {table} in the dump has {len(values)} columns, and not {len(columns)}")
        yield dict(zip(columns, map(_value, values), strict=True))


def _value(text: str) -> str | None:
    r"""Return what a column of COPY's text format stands for.

    >>> _value(r"a\tb\\N"), _value(r"\N"), _value(r"\101\x42")
    ('a\tb\\N', None, 'AB')
    """
    if text == r"\N":
        return None
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(found: re.Match[str]) -> str:
    octal, hexadecimal, letter = found.groups()
    if letter is not None:
        return _CONTROL.get(letter, letter)
    return chr(int(octal, 8) & 0xFF if octal else int(hexadecimal, 16))
