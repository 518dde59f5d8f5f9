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
