"""What sync lends to connectors."""

from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

Json = dict[str, Any]


class Memo(Protocol):
    """A small persistent map, key -> JSON, kept in the database by sync."""

    def get(self, key: str) -> Json | None: ...
    def put(self, key: str, value: Json) -> None: ...
    def drop(self, key: str) -> None: ...


class Budget(Protocol):
    """Bounds simultaneous calls to one outside account."""

    def slot(self) -> AbstractContextManager[None]: ...


class Lent(NamedTuple):
    """What sync hands to every connector beside its settings."""

    memo: Memo
    budget: Budget
