"""The rows of imports: what was taken from where, written in the transaction that makes an imported row live."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from .albums import put_in_named
from .engine import Database
from .records import Origin
from .schema import imports


class Imports:
    """The table of imports. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, source: str, source_ids: Sequence[str]) -> dict[str, str]:
        """Return the keys of those of `source_ids` that were taken, by their ids; some hundreds may be asked for."""
        are = (imports.c.source == source) & imports.c.source_id.in_(source_ids)
        with self._database.read() as connection:
            return {row.source_id: row.key for row in connection.execute(select(imports).where(are))}


def note_import(connection: Connection, origin: Origin, key: str, now: datetime) -> None:
    """Write down that what comes from `origin` is `key` now, a live upload, and put that into its albums."""
    is_it = (imports.c.source == origin.source) & (imports.c.source_id == origin.source_id)
    connection.execute(delete(imports).where(is_it))
    connection.execute(insert(imports).values(source=origin.source, source_id=origin.source_id, key=key))
    if origin.albums:
        put_in_named(connection, origin.albums, key, now=now)
