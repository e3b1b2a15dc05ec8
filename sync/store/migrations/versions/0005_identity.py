"""Halves of last names, by which slips of the pen are found; links between patients; rows to be resolved again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WITHOUT_DIGITS = {"sqlite": "last_key NOT GLOB '*[0-9]*'", "postgresql": "last_key !~ '[0-9]'"}


def upgrade() -> None:
    _halve()
    op.create_table(
        "patient_link",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("row_id", "kind", "other"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("patient_link", schema=None) as batch_op:
        batch_op.create_index("patient_link_by_other", ["source", "other"], unique=False)
    op.create_table(
        "unresolved",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    # What was evidence before may not be any longer, and the reverse.
    op.execute("INSERT INTO unresolved (row_id) SELECT id FROM patient_record")


def _halve() -> None:
    dialect = op.get_bind().dialect.name
    with op.batch_alter_table("patient_record", recreate="always" if dialect == "sqlite" else "never") as batch_op:
        batch_op.drop_index("patient_by_birth")
        batch_op.add_column(sa.Column("last_head", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("last_tail", sa.String(), nullable=True))
    slips = f"length(last_key) >= 3 AND {_WITHOUT_DIGITS[dialect]}"
    head, tail = "substr(last_key, 1, length(last_key) / 2)", "substr(last_key, length(last_key) / 2 + 2)"
    op.execute(
        f"UPDATE patient_record SET last_head = CASE WHEN {slips} THEN {head} ELSE last_key END,"  # noqa: S608  own text
        f" last_tail = CASE WHEN {slips} THEN {tail} END WHERE last_key <> ''"
    )
    with op.batch_alter_table("patient_record", schema=None) as batch_op:
        batch_op.create_index("patient_by_birth", ["birth_date", "last_head"], unique=False)
        batch_op.create_index("patient_by_birth_tail", ["birth_date", "last_tail"], unique=False)
