"""The files of a feed: matched by pattern, never outside the source's folder, in a fixed order."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from connectors.base import Unavailable

MARKERS: Final = (".done", ".ok")
"""A file FILE.done says that FILE is whole."""

_NOT_YET: Final = (".part", ".partial", ".filepart", ".tmp")
"""How programs that copy and upload call a file until it is whole."""


class Found(NamedTuple):
    """A file of a feed: its path, its name within the source's folder, and the folder directly below that one.

    `escapes`: a link leads out of the source's folder; such a file is never read.
    """

    path: Path
    name: str
    folder: str
    escapes: bool


def find_files(folder: Path, patterns: tuple[str, ...], *, by_folder: bool) -> list[Found]:
    """The files that match, by name without case.

    Left out are hidden ones, lock files of office programs, markers, and what is named as not whole yet. With `by_folder` a pattern without a slash is looked for in every folder directly below. Raises Unavailable when
    the folder cannot be listed.
    """
    try:
        if not folder.is_dir():
            raise Unavailable(f"the folder {folder} is not there; create it or mount it")
        paths = sorted({path for pattern in patterns for path in _matching(folder, pattern, by_folder)})
        return [_found(folder, path) for path in paths if _is_ours(path.name) and path.is_file()]
    except OSError as error:
        raise Unavailable(f"the folder {folder} cannot be listed ({error.strerror})") from None


def _is_ours(name: str) -> bool:
    return not name.startswith((".", "~$")) and not name.casefold().endswith((*MARKERS, *_NOT_YET))


def _matching(folder: Path, pattern: str, by_folder: bool) -> Iterator[Path]:
    if "/" in pattern:
        yield from folder.glob(pattern)
        return
    folders = [entry for entry in folder.iterdir() if entry.is_dir()] if by_folder else [folder]
    for each in folders:
        yield from (path for path in each.iterdir() if fnmatchcase(path.name.casefold(), pattern.casefold()))


def _found(folder: Path, path: Path) -> Found:
    name = path.relative_to(folder)
    below = name.parts[0] if len(name.parts) > 1 else ""
    return Found(path, name.as_posix(), below, not path.resolve().is_relative_to(folder.resolve()))
