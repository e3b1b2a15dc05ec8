"""Exports that are late, told once, and kept for the status until they come."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from connectors.expected import Expecting
from sync.build import Service
from sync.expected import Deadline, deadline, is_known, late
from sync.log import say
from sync.store.engine import reading, writing
from sync.store.exports import newest_exports
from sync.store.memos import read_memos, write_memo
from sync.store.overview import source_states

LATE: Final = "late"
"""The owner of memos by source: the `day` of which it was told last that `feeds` are late."""


class Delay(NamedTuple):
    """The feeds of a source whose export has not come by its time."""

    deadline: Deadline
    feeds: list[str]

    def to_json(self) -> dict[str, Any]:
        """As `status --json` prints it."""
        return {"due": self.deadline.due.isoformat(timespec="seconds"), "feeds": self.feeds}


def delays(connection: Connection, service: Service, at: datetime) -> dict[str, Delay]:
    """The sources that say when their exports come, with what has not come; those without are left out."""
    settings, states = service.config.settings, source_states(connection)
    found: dict[str, Delay] = {}
    for name, source in settings.sources.items():
        if not isinstance(source, Expecting) or source.expected is None or settings.is_retired(name, at):
            continue
        last = deadline(source.expected, settings.holidays, settings.practice.timezone, at)
        if last is not None and is_known(last.due, states.get(name, {}).get("last_success"), at):
            feeds = source.expected.feeds(service.sources[name].feeds)
            missing = late(feeds, newest_exports(connection, name), last)
            found |= {name: Delay(last, missing)} if missing else {}
    return found


def say_late(service: Service, at: datetime) -> None:
    """Says of every feed that is late that it is; once for a day, whoever asks."""
    with reading(service.engine) as connection:
        found, told = delays(connection, service, at), read_memos(connection, LATE)
    for name, delay in found.items():
        day = delay.deadline.day.isoformat()
        before = told.get(name, {})
        known = before["feeds"] if before.get("day") == day else []
        news = [feed for feed in delay.feeds if feed not in known]
        for feed in news:
            say(
                "file.late",
                "warning",
                source=name,
                place=feed,
                seconds=round((at - delay.deadline.due).total_seconds()),
            )
        if news:
            with writing(service.engine) as connection:
                write_memo(connection, LATE, name, {"day": day, "feeds": [*known, *news]})
