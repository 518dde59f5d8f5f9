"""Which revision the tables have, and which ones this version knows, told without Alembic: it takes long to import."""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text

MIGRATIONS = Path(__file__).parent / "migrations"


@cache
def known_revisions() -> tuple[str, ...]:
    """Return the revisions of the tables that this version knows, the one it works with first.

    >>> known_revisions()[-2:]
    ('0002', '0001')
    """
    names = (path.name for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    return tuple(sorted((name.partition("_")[0] for name in names), reverse=True))


def applied_revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None where there are none yet."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
