"""Another host's SQLite database, opened for reading only."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import BadRequest

Row = dict[str, Any]


def rows(path: Path, query: str) -> Iterator[Row]:
    """Yield the rows of a query as they are read; raise BadRequest if this is no database that has them."""
    if not path.is_file():
        raise BadRequest(f"{path} is no file")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            connection.row_factory = sqlite3.Row
            for row in connection.execute(query):
                yield dict(row)
    except sqlite3.Error as e:
        raise BadRequest(f"{path} cannot be read: {e}") from e
