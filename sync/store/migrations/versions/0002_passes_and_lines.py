"""What an unfinished pass has held so far, and the lines of what landed last."""

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
    op.create_table(
        "feed_line",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.Column("labels", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "feed", "generation", "block"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gone_line",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("raw_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "feed", "raw_hash"),
        sqlite_with_rowid=False,
    )
