"""Our tags' ids at a provider that knows lists and tags by id; found by name, made where missing, kept in the memo."""

import threading
from collections.abc import Mapping
from typing import Final, Protocol

from connectors.base import Memo, Misconfigured

KEY: Final = "labels"
"""Under which the memo keeps them: {tag: id}."""


class Shelf(Protocol):
    """Where labels stand: `held` says that an id is there still, `find` looks for a name, `make` makes one."""

    def held(self, label: str) -> bool: ...
    def find(self, name: str) -> str | None: ...
    def make(self, name: str) -> str: ...


class Labels:
    """Finds the ids of tags. One that was renamed is found by its id, one that was deleted is never made anew.

    Its members are gone, and an empty one would look as if nobody belonged to it; so it stops the destination.
    """

    def __init__(self, memo: Memo, shelf: Shelf, setting: str, noun: str) -> None:
        self._memo, self._shelf, self._setting, self._noun = memo, shelf, setting, noun
        self._lock = threading.Lock()
        self._seen: dict[str, str] = {}

    def ids(self, names: frozenset[str]) -> Mapping[str, str]:
        """The ids of tags; raises Misconfigured for one that was deleted at the provider."""
        with self._lock:
            return {name: self._id(name) for name in sorted(names)}

    def known(self, names: frozenset[str]) -> Mapping[str, str]:
        """The ids of those that are there; the others hold nobody."""
        with self._lock:
            kept = self._kept()
            found = {name: kept[name] if name in kept else self._shelf.find(name) for name in sorted(names)}
        return {name: label for name, label in found.items() if label is not None}

    def _kept(self) -> dict[str, str]:
        return dict(self._memo.get(KEY) or {}) | self._seen

    def _id(self, name: str) -> str:
        if name in self._seen:
            return self._seen[name]
        kept = self._kept().get(name)
        if kept is None or not self._shelf.held(kept):
            found = self._shelf.find(name)
            if found is None and kept is not None:
                raise Misconfigured(
                    self._setting,
                    f"the {self._noun} {name} was deleted there; restore it, or make a new one of this name by hand",
                )
            kept = found or self._shelf.make(name)
            self._memo.put(KEY, self._kept() | {name: kept})
        self._seen[name] = kept
        return kept
