"""What is wrong with a configuration, and where it stands."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

Path = tuple[str | int, ...]
"""The keys and list indices that lead from the top of the configuration to a value."""


class Place(NamedTuple):
    """Where something stands: file as the operator named it, line and column from 1."""

    file: str
    line: int
    column: int


class Problem(NamedTuple):
    """One thing to mend; `message` never repeats a value."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        """Reads `file:line:col: path: message`."""
        where = f"{self.file}:{self.line}:{self.column}: "
        return where + (f"{self.path}: {self.message}" if self.path else self.message)


class ConfigError(Exception):
    """The configuration cannot be used; `problems` are all that were found, in reading order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def at(place: Place, path: Path, message: str) -> Problem:
    """Puts a message at its place."""
    return Problem(*place, dotted(path), message)


def dotted(path: Path) -> str:
    """Writes a path as `sources.webpt.consent[0].column`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Returns ` (did you mean 'x'?)` for the nearest known word, or nothing when none is near."""
    near = get_close_matches(str(word), list(known), n=1, cutoff=0.7)
    return f" (did you mean {near[0]!r}?)" if near else ""
