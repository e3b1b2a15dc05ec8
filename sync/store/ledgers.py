"""Append-only ledgers: triggers that refuse UPDATE and DELETE, (re)made at the end of every migration."""

from sqlalchemy import Connection

from sync.store.tables import LEDGERS


def guard_ledgers(connection: Connection) -> None:
    """Makes the triggers of every ledger anew; Alembic's batch mode drops a table's triggers without a word."""
    for name in (table.name for table in LEDGERS):
        for statement in _sqlite(name) if connection.dialect.name == "sqlite" else _postgresql(name):
            connection.exec_driver_sql(statement)


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
