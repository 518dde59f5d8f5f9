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

# In the order of its bytes on every database, which is the order in which S3 lists.
KEY = Text().with_variant(Text(collation="C"), "postgresql")

# The condition of an index, and of the query that is to use it: SQLite asks for the same text, not for bound values.
UNSETTLED = text("state IN ('pending', 'deleting')")
FOUND = text("state = 'found'")
PROBLEM = text("state = 'live' AND problem IS NOT NULL")
UNDRAWN = text("state = 'live' AND thumbnail = 'due'")
LIVE = text("state = 'live'")
FAVOURITE = text("state = 'live' AND is_favourite")

# What the database's own triggers keep beside the rows of uploads (migration 0005), and the full text index with it:
# they make it anew as the rows are inserted, so no snapshot holds it.
DERIVED = frozenset({"upload_tags", "tallies"})

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
    Column("upload_life_s", Integer),
    Column("quota_bytes", BigInteger),
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
    Column("is_favourite", Boolean, nullable=False, server_default=false()),
    Index("uploads_live", "created_at", "key", sqlite_where=LIVE, postgresql_where=LIVE),
    Index("uploads_live_type", "content_type", "created_at", "key", sqlite_where=LIVE, postgresql_where=LIVE),
    Index("uploads_live_size", "size", "key", sqlite_where=LIVE, postgresql_where=LIVE),
    Index("uploads_favourite", "created_at", "key", sqlite_where=FAVOURITE, postgresql_where=FAVOURITE),
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

copies = Table(
    "copies",
    metadata,
    Column("key", ForeignKey("uploads.key"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("token_id", ForeignKey("tokens.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    PrimaryKeyConstraint("key", "number"),
)

upload_tags = Table(
    "upload_tags",
    metadata,
    Column("tag", KEY, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("key", KEY, nullable=False),
    PrimaryKeyConstraint("tag", "created_at", "key"),
    sqlite_with_rowid=False,
)

albums = Table(
    "albums",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("share_key", String(64), unique=True),
    Column("shared_until", UtcDateTime),
)

album_uploads = Table(
    "album_uploads",
    metadata,
    Column("album_id", ForeignKey("albums.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("key", ForeignKey("uploads.key"), nullable=False),
    PrimaryKeyConstraint("album_id", "created_at", "key"),
    Index("album_uploads_key", "key"),
)

# How many uploads, and their bytes: of a `type`, a `day`, a `token`, a `tag`; `held` by a token (what counts towards
# its quota), `stored` in all. A name's rows are to be added.
tallies = Table(
    "tallies",
    metadata,
    Column("kind", String(10), nullable=False),
    Column("name", KEY, nullable=False),
    Column("shard", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "name", "shard"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("succeeded_at", UtcDateTime),
    Column("failed_at", UtcDateTime),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("problem", String(200)),
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
    Column("numbers", JSON),
    Column("expires_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("token_id", "name"),
    Index("claims_expiry", "expires_at"),
)

# What was imported, whatever became of it since.
imports = Table(
    "imports",
    metadata,
    Column("source", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("key", KEY, nullable=False),
    PrimaryKeyConstraint("source", "source_id"),
)
