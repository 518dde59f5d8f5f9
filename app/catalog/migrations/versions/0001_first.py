"""The first tables: tokens, sessions, uploads, claims."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment),
        sa.Column("last_used_at", moment),
        sa.Column("revoked_at", moment),
    )
    in_use = sa.text("revoked_at IS NULL")
    op.create_index("tokens_name", "tokens", ["name"], unique=True, sqlite_where=in_use, postgresql_where=in_use)
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("token_id", sa.Integer, sa.ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
    )
    op.create_index("sessions_token", "sessions", ["token_id"])
    op.create_index("sessions_expiry", "sessions", ["expires_at"])
    op.create_table(
        "uploads",
        sa.Column("key", sa.String(80), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("content_type", sa.String(40), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment),
        sa.Column("deleted_at", moment),
        sa.Column("deletion_digest", sa.String(64), nullable=False),
        sa.Column("token_id", sa.Integer, sa.ForeignKey("tokens.id")),
        sa.Column("writer", sa.String(80), nullable=False),
        sa.Column("version_id", sa.Text),
        sa.Column("converted_from", sa.String(40)),
        sa.Column("file_name", sa.String(255)),
        sa.Column("title", sa.String(200)),
        sa.Column("tags", sa.JSON, nullable=False),
    )
    op.create_index("uploads_created", "uploads", ["created_at", "key"])
    op.create_index("uploads_sha256", "uploads", ["sha256"])
    op.create_index("uploads_expiry", "uploads", ["expires_at"])
    unsettled = sa.text("state IN ('pending', 'deleting')")
    op.create_index("uploads_unsettled", "uploads", ["key"], sqlite_where=unsettled, postgresql_where=unsettled)
    op.create_table(
        "claims",
        sa.Column("token_id", sa.Integer, sa.ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("keys", sa.JSON, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("token_id", "name"),
    )
    op.create_index("claims_expiry", "claims", ["expires_at"])
