"""A running PostgreSQL, its rows read as a dump would have them."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from ..errors import BadRequest
from .copied import Row

# What Prisma reads in such an address, and libpq does not know.
_PRISMA = {"schema", "connection_limit", "pool_timeout", "pgbouncer", "socket_timeout", "statement_cache_size"}


class Server:
    """A running PostgreSQL; it is read in one transaction, in which nothing changes."""

    def __init__(self, url: str) -> None:
        address, self._schema = _for_libpq(url)
        with _ours():
            self._connection = psycopg.connect(address, connect_timeout=10)
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._connection.read_only = True
            self._connection.execute("SET LOCAL DateStyle = 'ISO, YMD'")
            self._connection.execute("SET LOCAL TimeZone = 'UTC'")

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table as texts; none if there is no such table."""
        if table not in self.tables():
            return
        name = sql.Identifier(self._schema, table)
        with _ours():
            cursor = self._connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(name))
            columns = [column.name for column in cursor.description or ()]
            with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(name)) as copy:
                for values in copy.rows():
                    yield dict(zip(columns, values, strict=True))

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()

    def tables(self) -> set[str]:
        """Return the names of the tables."""
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
        with _ours():
            return {name for (name,) in self._connection.execute(query, (self._schema,))}


@contextmanager
def _ours() -> Iterator[None]:
    """Turn the driver's errors into ours; they name host and user, and no password."""
    try:
        yield
    except psycopg.Error as e:
        raise BadRequest(f"the database does not answer as it should: {str(e).strip().splitlines()[-1][:200]}") from e


def _for_libpq(url: str) -> tuple[str, str]:
    """Return an address that libpq takes, and the schema."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    kept = [(name, value) for name, value in query if name not in _PRISMA]
    return urlunsplit(parts._replace(query=urlencode(kept))), dict(query).get("schema", "public")
