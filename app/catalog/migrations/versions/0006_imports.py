"""Imports: what was taken from another host or a folder, so that it is taken once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("source", "source_id"),
    )


def losses(bind: sa.Connection) -> list[str]:
    """Return what a downgrade would lose, each in words."""
    count = bind.execute(sa.text("SELECT count(*) FROM imports")).scalar_one()
    return [f"that {count:,} images were imported: another import would take them once more"] if count else []


def downgrade() -> None:
    op.drop_table("imports")
