"""Thumbnails: which uploads have one, and what they look like until it is there."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

PROBLEM = sa.text("state = 'live' AND problem IS NOT NULL")
UNDRAWN = sa.text("state = 'live' AND thumbnail = 'due'")


def upgrade() -> None:
    with op.batch_alter_table("uploads") as batch:
        batch.add_column(sa.Column("thumbnail", sa.String(10), nullable=False, server_default="due"))
        batch.add_column(sa.Column("thumbnail_due_at", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("thumbnail_tries", sa.Integer, nullable=False, server_default="0"))
        batch.add_column(sa.Column("thumbnail_version_id", sa.Text))
        batch.add_column(sa.Column("blurhash", sa.String(40)))
        batch.add_column(sa.Column("color", sa.String(7)))
        batch.add_column(sa.Column("problem", sa.String(200)))
    op.create_index("uploads_problem", "uploads", ["key"], sqlite_where=PROBLEM, postgresql_where=PROBLEM)
    op.create_index(
        "uploads_undrawn",
        "uploads",
        ["thumbnail_due_at", "created_at"],
        sqlite_where=UNDRAWN,
        postgresql_where=UNDRAWN,
    )


def downgrade() -> None:
    """What is lost is made anew after the next upgrade."""
    op.drop_index("uploads_undrawn", "uploads")
    op.drop_index("uploads_problem", "uploads")
    for name in ("due_at", "tries", "version_id"):
        op.drop_column("uploads", f"thumbnail_{name}")
    for name in ("thumbnail", "blurhash", "color", "problem"):
        op.drop_column("uploads", name)
