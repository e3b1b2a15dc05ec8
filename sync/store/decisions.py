"""The ledger of what people decided at the command line."""

import getpass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sync.store import tables as t


def record_decision(connection: Connection, action: str, subject: str, at: datetime, **detail: Any) -> None:
    """Notes who did what to which subject (an id of ours, never a value of a person)."""
    row = {"at": at, "actor": actor(), "action": action, "subject": subject, "detail": detail}
    connection.execute(t.decision.insert().values(**row))


def actor() -> str:
    """The account that gives the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id may have no name
        return "unknown"
