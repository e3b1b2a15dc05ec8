"""What can be understood of a configuration with mistakes, so that one round of checking tells of all of them."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path as FilePath
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from config import wording
from config.document import step_of
from config.problem import Path
from config.settings import Settings

_ROUNDS: Final = 12
_STAND_INS: Final = ("missing", {"env": "MISSING"}, "https://missing.invalid")
"""What is tried in turn for a key that must be there: a text, a secret, a URL."""
_NEEDED: Final[dict[str, Any]] = {"version": 1, "practice": {"name": "missing", "timezone": "UTC"}}


class Salvaged(NamedTuple):
    """The settings without what is wrong (None: nothing holds), the paths of what was left out or stood in for, and
    what only then was seen to be wrong."""

    settings: Settings | None
    left_out: frozenset[Path]
    more: Sequence[wording.Fault]


def salvage(data: Mapping[str, Any], folder: FilePath) -> Salvaged:
    """Takes out of the data what is wrong; what is left is good for finding more of it, and for nothing else."""
    left = _Left(deepcopy(dict(data)))
    for _ in range(_ROUNDS):
        try:
            settings = Settings.model_validate(left.data, context={"folder": folder})
            return Salvaged(settings, frozenset(left.paths), left.more)
        except ValidationError as error:
            for fault in sorted(wording.faults(error, left.data), key=lambda fault: _order(fault.path), reverse=True):
                if not left.gave_recipient(fault):
                    left.mend(fault.path)
    return Salvaged(None, frozenset(left.paths), left.more)


def _order(path: Path) -> tuple[tuple[str, int], ...]:
    """Of a list's items the last goes first: the places of the others stay."""
    return tuple((step, 0) if isinstance(step, str) else ("", step) for step in path)


class _Left:
    """The data that are left, and the paths at which something was changed."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.paths: set[Path] = set()
        self.more: list[wording.Fault] = []
        self._tried: dict[Path, int] = {}

    def mend(self, path: Path) -> None:
        """Takes out what is wrong; puts something in for what is missing, and at last takes out what lacks it."""
        self.paths.add(path)
        holder = self._at(path[:-1])
        key = _key(holder, path[-1]) if path else None
        if key is not None and path not in self._tried:
            del holder[key]
            self._tried[path] = 0
        elif isinstance(holder, dict) and self._tried.get(path, 0) < len(_STAND_INS):
            attempt = self._tried.get(path, 0)
            holder[path[-1]] = deepcopy(_NEEDED.get(str(path[-1]), _STAND_INS[attempt]))
            self._tried[path] = attempt + 1
        elif len(path) > 1:
            self._tried.pop(path[:-1], None)
            self.mend(path[:-1])

    def gave_recipient(self, fault: wording.Fault) -> bool:
        """A destination that names no recipient, which is seen only when all else in it is right, keeps the rest."""
        path = fault.path
        entry = self._at(path) if len(path) == 2 and path[0] == "destinations" else None
        if not isinstance(entry, dict) or "recipient" in entry or (*path, "recipient") in self.paths:
            return False
        entry["recipient"] = "missing"
        if (*path, "inside") not in self.paths:
            self.more.append(fault)
        return True

    def _at(self, path: Path) -> Any:
        value: Any = self.data
        for step in path:
            key = _key(value, step)
            if key is None:
                return None
            value = value[key]
        return value


def _key(holder: Any, step: str | int) -> Any:
    """The key or index that a step of a path means; None for none."""
    if isinstance(holder, dict):
        return next((key for key in holder if step_of(key) == step), None)
    return step if isinstance(holder, list) and isinstance(step, int) and step < len(holder) else None
