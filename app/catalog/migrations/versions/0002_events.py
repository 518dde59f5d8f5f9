"""Notifications of the bucket: events that were taken, uploads of other S3 clients, keys as long as B2's."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


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
