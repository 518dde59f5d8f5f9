"""The catalog: the only SQL. SQLite in WAL mode, or PostgreSQL, by the URL."""

from .catalog import Catalog

__all__ = ["Catalog"]
