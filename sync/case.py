"""A case made a person: what its `given` says is read by the very mappings that read an export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.cases import Case
from config.settings import Settings
from mappings.canonical import CANONICAL
from mappings.columns import compile_plan
from mappings.fact_values import read_fact_value
from mappings.facts import FACTS, FactValue
from mappings.plan import Column, Plan, Practice, SitePlan
from mappings.records import EpisodeRow, Kind, Mapped, Outcome, PatientRow, Record, Rejected, VisitRow
from sync.person import Episode, Feed, Person, Row, Visit, World
from sync.world import world_of

Fault = tuple[tuple[str | int, ...], str]

SOURCE: Final = "case"
"""The source of a case that names none: an EMR that sees ahead without end."""

_NOON: Final = time(12)
_MORNING: Final = "09:00"
"""When a visit of a `date` alone starts: before the noon at which a case is judged."""

_OUTCOMES: Final[tuple[Outcome, ...]] = ("completed", "self_discharged", "transferred", "unknown")


class UnreadableCase(Exception):
    """What of a case cannot be read, each with its path below the case."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(message for _, message in faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Posed:
    """A case ready to be judged: its person and world at an instant, and the facts that are given, not computed."""

    person: Person
    world: World
    at: datetime
    facts: Mapping[str, FactValue]


def pose(case: Case, settings: Settings, at: datetime | None, today: date) -> Posed:
    """Makes a case's person; judged at `at`, else at noon of its `as_of` (else of `today`) at its site.

    Raises UnreadableCase with everything that cannot be read.
    """
    return _Reading(case, settings).posed(at, today)


class _Reading:
    def __init__(self, case: Case, settings: Settings) -> None:
        self.case, self.settings, self.given = case, settings, case.settings.given
        self.site: str | None = self.given.get("site") or next(iter(settings.sites), None)
        self.source: str = self.given.get("source") or SOURCE
        self.faults: list[Fault] = []

    def posed(self, at: datetime | None, today: date) -> Posed:
        zone = self.settings.zone_of(self.site) if self.site in self.settings.sites else self.settings.practice.timezone
        day = self.case.settings.as_of or today
        instant = (at or datetime.combine(day, _NOON, zone)).astimezone(UTC)
        person = self._person(instant)
        facts = self._facts()
        if self.faults:
            raise UnreadableCase(self.faults)
        return Posed(person=person, world=self._world(instant), at=instant, facts=facts)

    def _world(self, at: datetime) -> World:
        configured = self.settings.sources.get(self.source)
        if configured is None:
            return world_of(self.settings, {SOURCE: Feed("emr", at, None, None, None)})
        ahead = configured.sees_ahead.days if configured.sees_ahead is not None else None
        return world_of(self.settings, {self.source: Feed(configured.role, at, None, ahead, configured.past_booked)})

    def _facts(self) -> dict[str, FactValue]:
        """What is given by a fact's name alone; what a row may say as well is read from the row."""
        names = [name for name in self.given if name in FACTS and name not in CANONICAL["patients"]]
        found: dict[str, FactValue] = {}
        for name in names:
            try:
                found[name] = read_fact_value(FACTS[name], self.given[name])
            except ValueError as error:
                self.faults.append((("given", name), str(error)))
        return found

    def _person(self, at: datetime) -> Person:
        said = {name: value for name, value in self.given.items() if name in CANONICAL["patients"] and name != "site"}
        patient = self._read("patients", {"external_id": "1", **said}, self.site, ("given",))
        return Person(
            contact="case",
            rows=[self._row(patient, at)] if isinstance(patient, PatientRow) else [],
            visits=[visit for n, raw in enumerate(self._rows("visits")) if (visit := self._visit(n, raw))],
            episodes=[found for n, raw in enumerate(self._rows("episodes")) if (found := self._episode(n, raw))],
        )

    def _rows(self, key: str) -> list[Mapping[str, Any]]:
        rows = self.given.get(key)
        return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []

    def _row(self, patient: PatientRow, at: datetime) -> Row:
        known = {name: getattr(patient, name) for name in Row._fields if hasattr(patient, name)}
        return Row(
            id=1, source=self.source, present=True, merged_away=patient.replaced_by is not None,
            first_seen_at=at, first_pull=False, seen_minor=False, **known,
        )  # fmt: skip

    def _visit(self, number: int, raw: Mapping[str, Any]) -> Visit | None:
        if "status" not in raw or ("date" in raw) == ("starts_at" in raw):
            return None  # the configuration's own check says so
        said = {name: value for name, value in raw.items() if name not in ("date", "site")}
        if "date" in raw:
            said["starts_at"] = f"{raw['date']} {_MORNING}"
        known = {"external_id": f"visit-{number + 1}", "patient_id": "1", **said}
        visit = self._read("appointments", known, raw.get("site", self.site), ("given", "visits", number))
        if not isinstance(visit, VisitRow):
            return None
        names = [name for name in Visit._fields if name not in ("source", "row")]
        return Visit(source=self.source, row=1, **{name: getattr(visit, name) for name in names})

    def _episode(self, number: int, raw: Mapping[str, Any]) -> Episode | None:
        said = {name: value for name, value in raw.items() if name not in ("outcome", "site")}
        known = {"external_id": f"episode-{number + 1}", "patient_id": "1", **said}
        path = ("given", "episodes", number)
        episode = self._read("episodes", known, raw.get("site", self.site), path)
        if not isinstance(episode, EpisodeRow):
            return None
        outcome = raw.get("outcome")
        if outcome is not None and outcome not in _OUTCOMES:
            self.faults.append(((*path, "outcome"), f"write {', '.join(_OUTCOMES[:-1])} or {_OUTCOMES[-1]}"))
        names = [name for name in Episode._fields if name not in ("source", "row")]
        found = Episode(source=self.source, row=1, **{name: getattr(episode, name) for name in names})
        return found if outcome is None else found._replace(outcome=outcome)

    def _read(
        self, kind: Kind, said: Mapping[str, Any], site: str | None, path: tuple[str | int, ...]
    ) -> Record | None:
        """Reads one row as an export's row is read; what cannot be read becomes a fault."""
        columns = {name: Column(column=name) for name in said}
        plan = Plan(table=kind, kind=kind, columns=columns, site=SitePlan(fixed=site))
        cells = [_cell(said[name]) for name in plan.layout()]
        found = compile_plan(plan, self._practice())(_cell(said["external_id"]), (kind, "", *cells))
        if isinstance(found, Rejected):
            self.faults.append(
                ((*path, found.field or ""), "cannot be read; write it as the canonical form of an export")
            )
            return None
        self.faults += [((*path, warned.field), "cannot be read, or is a placeholder") for warned in found.warnings]
        return found.record if isinstance(found, Mapped) else None

    def _practice(self) -> Practice:
        zones: dict[str, ZoneInfo] = {name: self.settings.zone_of(name) for name in self.settings.sites}
        named = self.settings.sources.get(self.source)
        sources = [named] if named is not None else list(self.settings.sources.values())
        outcomes: dict[str, tuple[str, ...]] = {}
        for source in sources:
            for outcome, words in source.outcomes.items():
                outcomes[outcome] = (*outcomes.get(outcome, ()), *words)
        return Practice(
            zone=self.settings.practice.timezone,
            site_zones=zones,
            phone_region=self.settings.practice.phone_region,
            outcomes=outcomes,
            payers=tuple(source.payers for source in sources),
        )


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, str) and value.strip().lower() == "none"):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
