"""Loud entries that destinations accepted, and scores; a loud tag of a wish names until when it is, and whose entries it tells."""

import sqlalchemy as sa
from alembic import op

from sync.store.types import Instant

revision = "0004"
down_revision = "0003"
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
    op.create_table(
        "survey_record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("answered_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("survey_by_id", "survey_record", ["source", "external_id"], unique=True)
    op.create_index("survey_by_patient", "survey_record", ["source", "patient_id"])
    op.create_index("survey_by_email", "survey_record", ["email"])
    op.execute("UPDATE wish SET loud = '{}'")  # in the older form; whatever waits now goes quietly
