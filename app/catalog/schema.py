"""The tables."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
    text,
)

from .engine import UtcDateTime

metadata = MetaData()

# Tables that triggers make anew from the rows of others, as those are inserted: no snapshot holds them.
DERIVED: frozenset[str] = frozenset()

# In the order of its bytes on every database, which is the order in which S3 lists.
KEY = Text().with_variant(Text(collation="C"), "postgresql")

# The condition of an index, and of the query that is to use it: SQLite asks for the same text, not for bound values.
UNSETTLED = text("state IN ('pending', 'deleting')")
FOUND = text("state = 'found'")
PROBLEM = text("state = 'live' AND problem IS NOT NULL")
UNDRAWN = text("state = 'live' AND thumbnail = 'due'")

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    # The name of a revoked token is free again.
    Index(
        "tokens_name",
        "name",
        unique=True,
        sqlite_where=text("revoked_at IS NULL"),
        postgresql_where=text("revoked_at IS NULL"),
    ),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("token_id", ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("sessions_token", "token_id"),
    Index("sessions_expiry", "expires_at"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("state", String(10), nullable=False),
    Column("content_type", String(40), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("purged_at", UtcDateTime),
    Column("deletion_digest", String(64), nullable=False),
    Column("token_id", ForeignKey("tokens.id")),
    Column("writer", String(80), nullable=False),
    Column("version_id", Text),
    Column("converted_from", String(40)),
    Column("file_name", String(255)),
    Column("title", String(200)),
    Column("tags", JSON, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Column("is_foreign", Boolean, nullable=False, server_default=false()),
    Column("changes", Integer, nullable=False, server_default="0"),
    Column("thumbnail", String(10), nullable=False, server_default="due"),
    Column("thumbnail_due_at", UtcDateTime),
    Column("thumbnail_tries", Integer, nullable=False, server_default="0"),
    Column("thumbnail_version_id", Text),
    Column("blurhash", String(40)),
    Column("color", String(7)),
    Column("problem", String(200)),
    Index("uploads_created", "created_at", "key"),
    Index("uploads_sha256", "sha256"),
    Index("uploads_expiry", "expires_at"),
    # What reconcile looks for: few rows, in their order.
    Index(
        "uploads_unsettled",
        "key",
        sqlite_where=UNSETTLED,
        postgresql_where=UNSETTLED,
    ),
    Index("uploads_found", "key", sqlite_where=FOUND, postgresql_where=FOUND),
    Index("uploads_problem", "key", sqlite_where=PROBLEM, postgresql_where=PROBLEM),
    Index("uploads_undrawn", "thumbnail_due_at", "created_at", sqlite_where=UNDRAWN, postgresql_where=UNDRAWN),
)

events = Table(
    "events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("received_at", UtcDateTime, nullable=False),
    Index("events_received", "received_at"),
)

transactions = Table(
    "transactions",
    metadata,
    Column("day", Date, nullable=False),
    Column("kind", String(1), nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "kind"),
)

claims = Table(
    "claims",
    metadata,
    Column("token_id", ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("keys", JSON, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("token_id", "name"),
    Index("claims_expiry", "expires_at"),
)
