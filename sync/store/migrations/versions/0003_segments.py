"""Loud entries that destinations accepted; a loud tag of a wish names until when it is, and whose entries it tells."""

import sqlalchemy as sa
from alembic import op

from sync.store.types import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "nudge",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("episode", sa.String(), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("nudge_by_contact", "nudge", ["contact"])
    op.create_index("nudge_by_address", "nudge", ["address", "at"])
    op.execute("UPDATE wish SET loud = '{}'")  # in the older form; whatever waits now goes quietly
