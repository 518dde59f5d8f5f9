"""The edge: deletions that it was told of, and the transactions that the bucket is paid for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("uploads") as batch:
        batch.add_column(sa.Column("purged_at", sa.DateTime(timezone=True)))
    op.create_table(
        "transactions",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("kind", sa.String(1), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "kind"),
    )


def losses(bind: sa.Connection) -> list[str]:
    """Return what a downgrade would lose, each in words."""
    count = bind.execute(sa.text("SELECT count(DISTINCT day) FROM transactions")).scalar_one()
    return [f"how often the bucket was asked for something, of {count:,} days"] if count else []


def downgrade() -> None:
    op.drop_table("transactions")
    op.drop_column("uploads", "purged_at")
