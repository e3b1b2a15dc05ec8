"""Append-only ledgers: triggers that refuse UPDATE and DELETE, (re)made at the end of every migration."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Table

from sync.store.tables import LEDGERS


def guard_ledgers(connection: Connection) -> None:
    """Makes the triggers of every ledger anew; Alembic's batch mode drops a table's triggers without a word."""
    _guard(connection, LEDGERS)


def _guard(connection: Connection, ledgers: Sequence[Table]) -> None:
    for name in (table.name for table in ledgers):
        for statement in _sqlite(name) if connection.dialect.name == "sqlite" else _postgresql(name):
            connection.exec_driver_sql(statement)


@contextmanager
def unguarded(connection: Connection, ledgers: Sequence[Table]) -> Iterator[None]:
    """Lets the block empty a forgotten person's address out of ledgers; the transaction ends guarded, or undone."""
    for name in (table.name for table in ledgers):
        for trigger in _triggers(connection.dialect.name, name):
            connection.exec_driver_sql(trigger)
    yield
    _guard(connection, ledgers)


def _triggers(dialect: str, name: str) -> list[str]:
    if dialect == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}_no_{act}" for act in ("update", "delete")]
    return [f'DROP TRIGGER IF EXISTS {name}_append_only ON "{name}"']


def _sqlite(name: str) -> list[str]:
    statements = []
    for act in ("UPDATE", "DELETE"):
        trigger = f"{name}_no_{act.lower()}"
        statements.append(f"DROP TRIGGER IF EXISTS {trigger}")
        statements.append(
            f'CREATE TRIGGER {trigger} BEFORE {act} ON "{name}" '
            f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
        )
    return statements


def _postgresql(name: str) -> list[str]:
    return [
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME; END $$",
        f'DROP TRIGGER IF EXISTS {name}_append_only ON "{name}"',
        f'CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "{name}" '
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ]
