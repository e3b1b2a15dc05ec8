"""Status: how fresh the sources are, what waits for whom, what a person must decide."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection

from connectors.settings import DestinationSettings, SourceSettings
from sync.build import Service
from sync.delays import Delay, delays
from sync.deliveries import incomplete, unusual_counts
from sync.funnel import funnel
from sync.holds import open_holds
from sync.jobs import next_run
from sync.preparation import Standards, criteria
from sync.store import overview
from sync.store.engine import reading
from sync.store.lead_courses import lead_courses
from sync.store.memos import OLD_MAPPING, read_memos

PENDING: Final = ("waiting", "ready", "claimed")
"""States of a wish that leaves by itself."""

Errors = Mapping[tuple[str, str], str | None]
"""(source | destination, name) -> what went wrong with it in the newest pass that tried it; None: nothing."""


def status_of(service: Service, at: datetime | None = None) -> dict[str, Any]:
    """The state of the service as `status --json` prints it; `at` is the clock (default now)."""
    at = at or datetime.now(UTC)
    with reading(service.engine) as connection:
        return _Look(connection, service.standards, at, delays(connection, service, at)).status()


def iso(instant: datetime | None) -> str | None:
    """An instant as JSON holds it: in UTC, to the second."""
    return instant.astimezone(UTC).isoformat(timespec="seconds") if instant is not None else None


class _Look:
    """One look at the database, in one transaction."""

    def __init__(self, connection: Connection, standards: Standards, at: datetime, late: Mapping[str, Delay]) -> None:
        self.connection, self.standards, self.at, self.late = connection, standards, at, late
        self.settings = standards.config.settings
        self.runs = overview.recent_runs(connection)
        self.errors: Errors = _errors(self.runs)

    def status(self) -> dict[str, Any]:
        by_status = overview.contacts_by_status(self.connection)
        return {
            "sources": self._sources(),
            "destinations": self._destinations(),
            "holds": [plain_hold(hold) for hold in open_holds(self.connection)],
            "quarantine": self._quarantine(),
            "refused": next((run["refused"] for run in self.runs if run.get("sources")), []),
            "contacts": sum(by_status.values()),
            "not_reviewed": by_status.get(None, 0),
            "by_status": {name: n for name, n in sorted(by_status.items(), key=str) if name is not None},
            "by_segment": self._by_segment(),
            "funnel": self._funnel(),
            "observed_sites": sorted(name for name, site in self.settings.sites.items() if site.mode == "observe"),
            "without_patient": overview.visits_without_patient(self.connection),
            "timezone": str(self.settings.practice.timezone),
            "owner": self._owner(),
        }

    def _sources(self) -> dict[str, Any]:
        states, cursors = overview.source_states(self.connection), overview.cursors(self.connection)
        old = read_memos(self.connection, OLD_MAPPING)
        notices, payers = overview.notices(self.connection), overview.other_payers(self.connection)
        return {
            name: self._source(name, settings, states.get(name, {}))
            | {"cursor": cursors.get(name, {})}
            | {"warnings": list(map(_warning, notices.get(name, ()))), "other_payers": payers.get(name, 0)}
            | {"old_mapping": old.get(name, {}).get("rows", 0)}
            | self._deliveries(name)
            for name, settings in self.settings.sources.items()
        }

    def _deliveries(self, name: str) -> dict[str, Any]:
        delay = self.late.get(name)
        return {
            "late": delay.to_json() if delay is not None else None,
            "incomplete": incomplete(self.connection, name),
            "unusual": unusual_counts(self.connection, name),
        }

    def _source(self, name: str, settings: SourceSettings, state: Mapping[str, Any]) -> dict[str, Any]:
        data_as_of, last, retired = state.get("data_as_of"), state.get("last_attempt"), self._is_retired(name)
        limit = settings.age_limit() if not retired else None
        zone = self.settings.practice.timezone
        due = next_run(settings.schedule, zone, last) if last is not None and not retired else None
        return {
            "last_success": iso(state.get("last_success")),
            "last_attempt": iso(last),
            "data_as_of": iso(data_as_of),
            "stale": data_as_of is not None and limit is not None and self.at > data_as_of + limit,
            "max_age_s": round(limit.total_seconds()) if limit is not None else None,
            "next_run": iso(due),
            "mode": settings.mode,
            "retired": settings.retired.isoformat() if settings.retired is not None else None,
            "is_retired": retired,
            "error": self.errors.get(("source", name)) if not retired else None,
        }

    def _is_retired(self, name: str) -> bool:
        return self.settings.is_retired(name, self.at)

    def _destinations(self) -> dict[str, Any]:
        wishes, taken = overview.wishes(self.connection), overview.last_accepted(self.connection)
        why = withheld(self.connection, self.standards, self.at)
        return {
            name: self._destination(name, settings, wishes.get(name, {}))
            | {"last_push": iso(taken.get(name)), "withheld": why[name]}
            for name, settings in self.settings.destinations.items()
        }

    def _destination(
        self, name: str, settings: DestinationSettings, wishes: Mapping[str, overview.Waiting]
    ) -> dict[str, Any]:
        pending = [waiting for state, waiting in wishes.items() if state in PENDING]
        oldest = min((waiting.oldest for waiting in pending), default=None)
        error = self.errors.get(("destination", name))
        return {
            "mode": settings.mode,
            "pending": sum(waiting.n for waiting in pending),
            "parked": wishes["parked"].n if "parked" in wishes else 0,
            "held": wishes["held"].n if "held" in wishes else 0,
            "oldest_pending_s": round((self.at - oldest).total_seconds()) if oldest is not None else None,
            "circuit": "closed" if error is None else "open",
            "error": error,
        }

    def _quarantine(self) -> dict[str, int]:
        counts = overview.quarantined(self.connection)
        return {name: counts[name] for name in sorted({*self.settings.sources, *counts})}

    def _by_segment(self) -> dict[str, int]:
        found = overview.members(self.connection)
        return {name: found[name][0] if name in found else 0 for name in sorted({*self.standards.compiled, *found})}

    def _funnel(self) -> list[dict[str, Any]]:
        lists = [name for name, source in self.settings.sources.items() if source.role == "leads"]
        return funnel(lead_courses(self.connection, lists, self.at.astimezone(self.settings.practice.timezone).date()))

    def _owner(self) -> dict[str, Any] | None:
        row = overview.owner(self.connection)
        if row is None:
            return None
        return {"pid": row["pid"], "host": row["host"], "since": iso(row["since"]), "alive_at": iso(row["alive_at"])}


def _warning(notice: Mapping[str, Any]) -> dict[str, Any]:
    return dict(notice) | {"last_at": iso(notice["last_at"])}


def _errors(runs: Iterable[Mapping[str, Any]]) -> Errors:
    found: dict[tuple[str, str], str | None] = {}
    for counts in runs:
        for trouble in counts.get("troubles", ()):
            found.setdefault((trouble["kind"], trouble["name"]), trouble["sentence"])
        for kind in ("source", "destination"):
            for name in counts.get(f"{kind}s", ()):
                found.setdefault((kind, name), None)
    return found


def plain_hold(hold: Mapping[str, Any]) -> dict[str, Any]:
    """A hold as JSON holds it."""
    names = ("id", "kind", "name", "site", "reasons")
    return {name: hold[name] for name in names} | {"at": iso(hold["at"])}


def withheld(connection: Connection, standards: Standards, at: datetime) -> dict[str, dict[str, dict[str, int]]]:
    """By destination and segment (`status:NAME`, `*`: all of it): why how many are not there.

    Contacts, where review decided it; subscribers, where a wish that stands is not true yet (pending, held, parked,
    observe). A wish that adds no tag is counted under `*`.
    """
    destinations = standards.config.settings.destinations
    found: dict[str, dict[str, Counter[str]]] = {name: defaultdict(Counter) for name in destinations}
    for name, reasons in overview.withheld(connection).items():
        if name in found:
            found[name].update(reasons)
    names = segments_by_tag(connection, standards, at)
    for wish in overview.unmet(connection):
        if wish.destination in destinations:
            reason = _reason(wish.state, destinations[wish.destination])
            for segment in [names[wish.destination].get(tag, tag) for tag in wish.tags] or ["*"]:
                found[wish.destination][segment][reason] += 1
    return {
        destination: {name: dict(sorted(reasons.items())) for name, reasons in sorted(by_name.items())}
        for destination, by_name in found.items()
    }


def _reason(state: str, settings: DestinationSettings) -> str:
    if state in ("held", "parked", "plan_full"):
        return state
    return "observe" if settings.mode == "observe" else "pending"


def segments_by_tag(connection: Connection, standards: Standards, at: datetime) -> dict[str, dict[str, str]]:
    """By destination: what each tag stands for there, a segment's name or `status:NAME`."""
    return {
        outlet.name: {
            tag: name if kind == "segment" else f"{kind}:{name}" for (kind, name), tag in outlet.audience.tags.items()
        }
        for outlet in criteria(connection, standards, at, "status").outlets
    }
