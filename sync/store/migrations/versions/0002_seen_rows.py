"""The rows that an unfinished pass has held so far: a pass over a network outlives a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seen",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", "feed", "kind", "external_id"),
        sqlite_with_rowid=False,
    )
