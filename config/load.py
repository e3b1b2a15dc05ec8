"""Reads a configuration: the main file, its sites' file and the operators' files, all problems at once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

from config.checks import cross_check, mapping
from config.database import resolve_database
from config.problem import ConfigError, Path, Place, Problem, at
from config.reading import Reading, place_of
from config.rule_checks import rule_faults
from config.salvage import salvage
from config.settings import Settings
from mappings.rules import Rule

_VARIABLE = "PRM_SYNC_CONFIG"
_PLACES = (FilePath("prm-sync.yaml"), FilePath("/etc/prm-sync/prm-sync.yaml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration that can be used.

    `folder` is where relative paths start; `rules` holds the parsed `who` of every segment;
    `files` are all files that were read, so that a change of any can be noticed. `left_out`: where it is not as it was
    written, since it was wrong there; such a one is only examined further, never used.
    """

    settings: Settings
    path: FilePath
    folder: FilePath
    operator_files: tuple[FilePath, ...]
    files: tuple[FilePath, ...]
    warnings: tuple[Problem, ...]
    rules: Mapping[str, Rule]
    places: Mapping[Path, Place]
    left_out: frozenset[Path] = frozenset()

    def place(self, path: Path) -> Place:
        """Where a key or value stands; for one that was left out, where its nearest parent does."""
        return place_of(self.places, path)

    def problem(self, path: Path, message: str) -> Problem:
        """A problem found by a later check, at its place."""
        return at(self.place(path), path, message)


def find(explicit: FilePath | None = None) -> FilePath:
    """Returns the configuration to use: the named one, $PRM_SYNC_CONFIG, ./prm-sync.yaml, then that of /etc.

    Raises ConfigError when there is none.
    """
    if explicit is not None:
        return explicit
    if os.environ.get(_VARIABLE):
        return FilePath(os.environ[_VARIABLE])
    for path in _PLACES:
        if path.is_file():
            return path
    message = f"no configuration here or in {_PLACES[1].parent}; run: prm-sync init, or name one with --config"
    raise ConfigError([Problem(str(_PLACES[0]), 1, 1, "", message)])


def database_url(config: Config) -> str:
    """Returns the database's URL with secrets read; raises Misconfigured."""
    return resolve_database(config.settings.database, config.folder)


def load(path: FilePath, *, operators: FilePath | None = None) -> Config:
    """Reads and checks everything; `operators` (a file, or a folder of them) replaces `operators/` beside the main file.

    Raises ConfigError with all problems at once; where a file cannot be parsed, with the first of each such file.
    """
    config, problems = survey(path, operators=operators)
    if problems or config is None:
        raise ConfigError(problems)
    return config


def survey(path: FilePath, *, operators: FilePath | None = None) -> tuple[Config | None, Sequence[Problem]]:
    """Reads like `load`; returns what can be understood (None: next to nothing), and what is wrong.

    Raises ConfigError only when a file cannot be read or parsed.
    """
    reading = Reading(path, operators)
    if reading.unread:
        raise ConfigError(in_order(reading.problems, reading.files))
    settings, rules = reading.settings(), reading.rules()
    findings = cross_check(reading.data)
    reading.add(findings.faults)
    reading.add(list(rule_faults(rules, mapping(reading.data, "segments"), mapping(reading.data, "sites"))))
    reading.warn(findings.warnings)
    left_out: frozenset[Path] = frozenset()
    if settings is None:
        settings, left_out, more = salvage(reading.data, reading.folder)
        reading.add([(fault.path, fault.message) for fault in more])
    problems = in_order(reading.problems, reading.files)
    if settings is None:
        return None, problems
    config = Config(
        settings=settings,
        path=path,
        folder=reading.folder,
        operator_files=tuple(reading.operator_files),
        files=tuple(reading.files),
        warnings=tuple(reading.warnings),
        rules=rules,
        places=reading.places,
        left_out=left_out,
    )
    return config, problems


def in_order(problems: Sequence[Problem], files: Sequence[FilePath]) -> list[Problem]:
    """Every problem once, in the order in which a reader of the files comes upon them."""
    order = {str(file): number for number, file in enumerate(files)}
    return sorted(dict.fromkeys(problems), key=lambda p: (order.get(p.file, 0), p.line, p.column))
