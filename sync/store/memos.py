"""A small persistent map: cursors of ours, and what connectors keep."""

from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, delete, select

from sync.store import tables as t
from sync.store.engine import reading, writing
from sync.store.statements import upsert

_m = t.memo.c
OLD_MAPPING: Final = "old mapping"
"""By source: `rows`, how many were read under a mapping that is no longer in force."""


CURSOR: Final = "cursor"
"""By `source/feed`: the `cursor` that its last stored page carried, and the `fingerprint` under which it was stored."""


LINES: Final = "lines"
"""By `source/feed`: what landed last, as `sync.store.lines` has it; absent while a delivery of the feed is landing."""


def read_memo(connection: Connection, owner: str, key: str) -> dict[str, Any] | None:
    """The value kept under (owner, key); None for none."""
    return connection.execute(select(_m.value).where(_m.owner == owner, _m.key == key)).scalar()


def read_memos(connection: Connection, owner: str) -> dict[str, dict[str, Any]]:
    """All that an owner keeps, by key."""
    return dict(connection.execute(select(_m.key, _m.value).where(_m.owner == owner)).all())


def write_memo(connection: Connection, owner: str, key: str, value: dict[str, Any]) -> None:
    """Keeps a value."""
    upsert(connection, t.memo, [{"owner": owner, "key": key, "value": value}], ("owner", "key"))


def drop_memo(connection: Connection, owner: str, key: str) -> None:
    """Forgets a value."""
    connection.execute(delete(t.memo).where(and_(_m.owner == owner, _m.key == key)))


class StoredMemo:
    """The connectors' `Memo`, one transaction a call; each connector sees its own keys only."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine, self._owner = engine, f"connector:{owner}"

    def get(self, key: str) -> dict[str, Any] | None:
        """Reads a value."""
        with reading(self._engine) as connection:
            return read_memo(connection, self._owner, key)

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keeps a value."""
        with writing(self._engine) as connection:
            write_memo(connection, self._owner, key, value)

    def drop(self, key: str) -> None:
        """Forgets a value."""
        with writing(self._engine) as connection:
            drop_memo(connection, self._owner, key)
