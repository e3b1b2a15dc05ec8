"""The files of a configuration put together: one tree of data, and the place of everything in it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from config import wording
from config.checks import Fault, mapping
from config.document import Document, read_document, step_of
from config.operators import OperatorsFile
from config.playbook import Named, PlaybookEntry, entry_faults, named_entries, segment_of
from config.problem import ConfigError, Path, Place, Problem, at
from config.settings import Settings
from mappings.rules import Rule, RuleProblem, narrowed, parse


class Reading:
    """The files put together: one tree of data, the place of everything in it, and what is wrong so far."""

    def __init__(self, path: FilePath, operators: FilePath | None) -> None:
        self.folder = path.absolute().parent
        self.files: list[FilePath] = []
        self.operator_files: list[FilePath] = []
        self.problems: list[Problem] = []
        self.unread = False
        self.warnings: list[Problem] = []
        main = self._document(path, ())
        if main is not None and not isinstance(main.data, dict):
            what = "holds nothing; run: prm-sync init" if main.data is None else "write keys and values (key: value)"
            self.problems.append(Problem(str(path), 1, 1, "", what))
        if self.problems and (main is None or not isinstance(main.data, dict)):
            raise ConfigError(self.problems)
        self.data: dict[str, Any] = dict(main.data) if main is not None else {}
        self.places: dict[Path, Place] = dict(main.places) if main is not None else {}
        self.keys: dict[Path, Place] = dict(main.keys) if main is not None else {}
        self._sites()
        folder = path.parent / "operators"
        if operators is not None or folder.is_dir():
            self._operators(operators or folder)
        self._playbooks()

    def add(self, found: Sequence[Fault]) -> None:
        """Takes up faults at their places."""
        self.problems += [at(place_of(self.places, path), path, message) for path, message in found]

    def warn(self, found: Sequence[Fault]) -> None:
        """Takes up warnings at their places."""
        self.warnings += [at(place_of(self.places, path), path, message) for path, message in found]

    def settings(self) -> Settings | None:
        """Validates the whole; None when it is refused."""
        try:
            return Settings.model_validate(self.data, context={"folder": self.folder})
        except ValidationError as error:
            self.problems += [_problem(fault, self.places, self.keys) for fault in wording.faults(error, self.data)]
            return None

    def rules(self) -> dict[str, Rule]:
        """Parses the rule of every segment that has one."""
        found = {name: self._rule(name) for name in mapping(self.data, "segments")}
        return {name: rule for name, rule in found.items() if rule is not None}

    def _rule(self, name: str) -> Rule | None:
        """A segment's whole rule: who is in it, until when, at which clinics."""
        segment = mapping(self.data, "segments", name)
        who, leave_when = self._parsed(name, "who", segment), self._parsed(name, "leave_when", segment)
        sites = segment.get("sites", "all")
        named = tuple(str(site) for site in sites) if isinstance(sites, list) and sites else None
        return narrowed(who, leave_when, named) if who is not None else None

    def _parsed(self, name: str, key: str, segment: Mapping[str, Any]) -> Rule | None:
        if segment.get(key) is None:
            return None
        try:
            return parse(segment[key])
        except RuleProblem as error:
            self.add([(("segments", name, key, *path), message) for path, message in error.problems])
            return None

    def _document(self, path: FilePath, root: Path) -> Document | None:
        """Reads one more file; None when it cannot be read at all."""
        self.files.append(path)
        try:
            document = read_document(path, root)
        except ConfigError as error:
            self.problems += error.problems
            self.unread = True
            return None
        self.problems += document.problems
        return document

    def _sites(self) -> None:
        """Puts in the sites of a file of their own."""
        sites = self.data.get("sites")
        if not isinstance(sites, dict) or list(sites) != ["file"] or not isinstance(sites["file"], str):
            return
        document = self._document(self.folder / sites["file"], ("sites",))
        if document is not None:
            self.data["sites"] = document.data
            self.places |= document.places
            self.keys |= document.keys

    def _operators(self, given: FilePath) -> None:
        """Puts in the operators' segments, cases and holidays, of a folder's files or of one file; a segment stands in one only."""
        own = self.data.get("segments")
        segments: dict[str, Any] = {**own} if isinstance(own, dict) else {}
        for file in sorted(given.glob("[!.]*.yaml")) if given.is_dir() else [given]:
            self.operator_files.append(file)
            document = self._document(file, ())
            if document is not None and isinstance(document.data, dict):
                segments |= dict(self._operator_segments(document, segments))
                self._operator_playbook(document)
                for name in ("holidays", "tests"):
                    self._operator_list(document, name)
            elif document is not None and document.data is not None:
                self.problems += _operator_problems(document)
        for file in sorted(given.glob("*.yml")):
            self.warnings.append(Problem(str(file), 1, 1, "", "is not read; name it .yaml"))
        if segments and (own is None or isinstance(own, dict)):
            self.data["segments"] = segments

    def _operator_segments(self, document: Document, known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        self.problems += _operator_problems(document)
        segments = document.data.get("segments")
        for name, segment in segments.items() if isinstance(segments, dict) else ():
            path = ("segments", step_of(name))
            if name in known:
                other = self.places[path]
                message = f"this segment stands in {other.file}, line {other.line}, too; keep one"
                self.problems.append(at(document.places[path], path, message))
                continue
            self.places |= _under(path, document.places)
            self.keys |= _under(path, document.keys)
            yield name, segment

    def _operator_playbook(self, document: Document) -> None:
        """Entries add up over all files; each stands in one only."""
        given, own = document.data.get("playbook"), self.data.get("playbook") or {}
        if not isinstance(given, dict) or not isinstance(own, dict):
            return
        merged: dict[Any, Any] = {
            name: dict(entries) if isinstance(entries, dict) else entries for name, entries in own.items()
        }
        for name, entries in given.items():
            known: Any = merged.setdefault(name, {} if isinstance(entries, dict) else entries)
            self.places.setdefault(("playbook", step_of(name)), document.places["playbook", step_of(name)])
            for entry in entries if isinstance(entries, dict) and isinstance(known, dict) else ():
                path = ("playbook", step_of(name), step_of(entry))
                if entry in known:
                    other = self.places[path]
                    message = f"this entry stands in {other.file}, line {other.line}, too; keep one"
                    self.problems.append(at(document.places[path], path, message))
                    continue
                known[entry] = entries[entry]
                self.places |= _under(path, document.places)
                self.keys |= _under(path, document.keys)
        self.data["playbook"] = merged

    def _playbooks(self) -> None:
        """Puts the entries that are switched on among the segments, each under what `segments:` says of its name."""
        segments = self.data.get("segments") or {}
        if not isinstance(segments, dict):
            return
        expanded: dict[str, dict[str, Any]] = {}
        for found in named_entries(self.data.get("playbook")):
            if not isinstance(found, Named):
                self.add([found])
            elif found.name in expanded:
                self.add([(found.path, "another playbook's entry of this name is on already; keep one")])
            else:
                sites = mapping(self.data, "sites")
                self.add(list(entry_faults(found, sites)))
                expanded[found.name] = segment_of(_readable(found, sites), mapping(segments, found.name))
                self._place_entry(found)
        if expanded:
            self.data["segments"] = {**segments, **expanded}

    def _place_entry(self, found: Named) -> None:
        """What an entry says is found where it was written, unless `segments:` says it again."""
        there = ("segments", found.name)
        for path, place in _under(found.path, self.places).items():
            self.places.setdefault((*there, *path[len(found.path) :]), place)

    def _operator_list(self, document: Document, name: str) -> None:
        """Holidays and cases add up over all files; each keeps its place, so that a wrong one is found there."""
        own, given = self.data.get(name) or [], document.data.get(name)
        if not isinstance(own, list) or not isinstance(given, list):
            return
        for index in range(len(given)):
            there = (name, len(own) + index)
            for mine, theirs in ((self.places, document.places), (self.keys, document.keys)):
                below = _under((name, index), theirs)
                mine |= {(*there, *where[2:]): place for where, place in below.items()}
        self.data[name] = [*own, *given]


def _readable(found: Named, sites: Mapping[str, Any]) -> Named:
    """An entry without what is told at its own place: as it ships where the operator's words cannot be read."""
    try:
        PlaybookEntry.model_validate(dict(found.given))
    except ValidationError:
        return found._replace(given={})
    known = {site: what for site, what in mapping(found.given, "by_site").items() if site in sites}
    return found._replace(given={**found.given, "by_site": known})


def _operator_problems(document: Document) -> list[Problem]:
    """What is wrong at the top of an operators' file; the rest of it is judged with all others."""
    top = document.data
    for name, form in (("segments", dict), ("playbook", dict), ("holidays", list), ("tests", list)):
        if isinstance(top, dict) and isinstance(top.get(name), form):
            top = {**top, name: form()}
    try:
        OperatorsFile.model_validate(top)
    except ValidationError as error:
        found = wording.faults(error, top, OperatorsFile)
        return [_problem(fault, document.places, document.keys) for fault in found]
    return []


def _under(path: Path, places: Mapping[Path, Place]) -> dict[Path, Place]:
    return {where: place for where, place in places.items() if where[: len(path)] == path}


def _problem(fault: wording.Fault, places: Mapping[Path, Place], keys: Mapping[Path, Place]) -> Problem:
    on_key = fault.on_key and fault.path in keys
    place = keys[fault.path] if on_key else place_of(places, fault.path)
    return at(place, fault.path, fault.message)


def place_of(places: Mapping[Path, Place], path: Path) -> Place:
    """The place of a path, or of its nearest parent that was written."""
    while path and path not in places:
        path = path[:-1]
    return places[path]
