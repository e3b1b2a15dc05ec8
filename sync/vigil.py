"""What the daemon says of the whole now and then: that it lives, how it stands, which source is late or has gone stale."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from sync.build import Service
from sync.delays import say_late
from sync.log import place_of, say
from sync.owner import still_alive
from sync.status import status_of
from sync.store import overview
from sync.store.engine import reading

ALIVE_EVERY: Final = timedelta(minutes=5)
FRESHNESS_EVERY: Final = timedelta(minutes=1)


class Vigil:
    """Looks at the service by its own two rhythms, whenever it is asked to."""

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now, self._monotonic = now, monotonic
        self._stale: set[str] = set()
        self._next_alive = self._next_freshness = monotonic()

    def look(self, service: Service) -> None:
        """Says what there is to say; a database that cannot be read is said, too."""
        try:
            if self._monotonic() >= self._next_freshness:
                self._next_freshness = self._monotonic() + FRESHNESS_EVERY.total_seconds()
                self._say_stale(service)
                say_late(service, self._now())
            if self._monotonic() >= self._next_alive:
                self._next_alive = self._monotonic() + ALIVE_EVERY.total_seconds()
                still_alive(service.engine, self._now())
                say("daemon.alive", **standing(status_of(service, self._now()), self._now()))
        except SQLAlchemyError as error:
            say("job.failed", "error", job="vigil", error=type(error).__name__, place=place_of(error))

    def _say_stale(self, service: Service) -> None:
        ages = stale_sources(service, self._now())
        for name in sorted(ages.keys() - self._stale):
            say("source.stale", "warning", source=name, seconds=round(ages[name].total_seconds()))
        self._stale = set(ages)


def stale_sources(service: Service, at: datetime) -> dict[str, timedelta]:
    """How old the newest data are of every source whose data are older than its max_age."""
    with reading(service.engine) as connection:
        states = overview.source_states(connection)
    found = {}
    for name, settings in service.config.settings.sources.items():
        if service.config.settings.is_retired(name, at):
            continue
        data_as_of, limit = states.get(name, {}).get("data_as_of"), settings.age_limit()
        if data_as_of is not None and limit is not None and at - data_as_of > limit:
            found[name] = at - data_as_of
    return found


def standing(status: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The keys of `daemon.alive`, from what `status --json` prints."""
    sources, destinations = status["sources"], status["destinations"]
    ages = {
        name: (at - datetime.fromisoformat(source["data_as_of"])).total_seconds()
        for name, source in sources.items()
        if source["data_as_of"] and not source["is_retired"]
    }
    stalest = max(ages, key=lambda name: ages[name], default=None)
    oldest = max((d["oldest_pending_s"] for d in destinations.values() if d["oldest_pending_s"] is not None), default=0)
    return {
        "state": _worst(status),
        "oldest_wish_seconds": oldest,
        "source": stalest,
        "stalest_source_seconds": round(ages[stalest]) if stalest is not None else None,
        "n_holds": len(status["holds"]),
        "n_contacts": status["contacts"],
        "n_quarantined": sum(status["quarantine"].values()),
        "n_parked": sum(d["parked"] for d in destinations.values()),
    }


def _worst(status: Mapping[str, Any]) -> str:
    sources, destinations = status["sources"].values(), status["destinations"].values()
    if any(part.get("error") for part in (*sources, *destinations)):
        return "failing"
    if any(source["stale"] for source in sources):
        return "stale"
    if any(source["late"] or source["incomplete"] for source in sources):
        return "late"
    if status["holds"]:
        return "held"
    return "parked" if any(destination["parked"] for destination in destinations) else "ok"
