"""How often the bucket changed under a key, so that a look from before a change is not taken for one from after it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("uploads", sa.Column("changes", sa.Integer, nullable=False, server_default="0"))
