"""What sync lends to connectors, in memory."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base import Lent
from connectors.settings import Surroundings

SURROUNDINGS = Surroundings(zone=ZoneInfo("America/Chicago"), phone_region="US", site_zones={})


class DictMemo:
    """A memo in a dict."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}

    def get(self, key: str) -> dict[str, Any] | None:
        return self.held.get(key)

    def put(self, key: str, value: dict[str, Any]) -> None:
        self.held[key] = value

    def drop(self, key: str) -> None:
        self.held.pop(key, None)


class CountingBudget:
    """Bounds nothing; `peak` is the most slots that were held at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.open = self.peak = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        with self._lock:
            self.open += 1
            self.peak = max(self.peak, self.open)
        try:
            yield
        finally:
            with self._lock:
                self.open -= 1


def lent() -> Lent:
    return Lent(DictMemo(), CountingBudget())
