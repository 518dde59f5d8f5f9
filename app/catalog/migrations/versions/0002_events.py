"""Notifications of the bucket: events that were taken, uploads of other S3 clients, keys as long as B2's."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_OURS = re.compile(r"[A-Za-z0-9]{1,70}\.[a-z0-9]{1,8}")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    key = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.create_table(
        "events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("received_at", moment, nullable=False),
    )
    op.create_index("events_received", "events", ["received_at"])
    with op.batch_alter_table("uploads") as batch:
        batch.alter_column("key", type_=key, existing_type=sa.String(80), existing_nullable=False)
        batch.add_column(sa.Column("confirmed_at", moment))
        batch.add_column(sa.Column("is_foreign", sa.Boolean, nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("changes", sa.Integer, nullable=False, server_default="0"))
    found = sa.text("state = 'found'")
    op.create_index("uploads_found", "uploads", ["key"], sqlite_where=found, postgresql_where=found)


def losses(bind: sa.Connection) -> list[str]:
    """Return what a downgrade would lose, each in words."""
    count = len(_unknown(bind))
    return (
        [f"the rows of {count:,} objects that other S3 clients wrote; the objects stay in the bucket"] if count else []
    )


def downgrade() -> None:
    bind = op.get_bind()
    for key in _unknown(bind):
        bind.execute(sa.text("DELETE FROM uploads WHERE key = :key"), {"key": key})
    # Of these there may be other versions: without a version's id all of them go with a deletion.
    bind.execute(sa.text("UPDATE uploads SET version_id = NULL WHERE is_foreign"))
    op.drop_index("uploads_found", "uploads")
    op.drop_table("events")
    with op.batch_alter_table("uploads") as batch:
        for name in ("confirmed_at", "is_foreign", "changes"):
            batch.drop_column(name)
        batch.alter_column("key", type_=sa.String(80), existing_type=sa.Text(), existing_nullable=False)


def _unknown(bind: sa.Connection) -> list[str]:
    """Return the keys of rows that the version before knows nothing of: states and names that are not its own."""
    query = "SELECT key, state FROM uploads WHERE is_foreign OR state IN ('found', 'refused') ORDER BY key"
    rows = bind.execute(sa.text(query)).all()
    return [key for key, state in rows if state in ("found", "refused") or not _OURS.fullmatch(key)]
