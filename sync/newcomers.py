"""What a review sees for the first time, or in another mode than before: whatever it brings enters quietly."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from config.settings import Settings
from sync.criteria import Places
from sync.store import tables as t
from sync.store.contacts import mark_of_sites, mark_of_sources
from sync.store.memos import CURSOR, read_memos
from sync.store.reviews import Version

_SOURCE_MODE: Final = "mode:source:"
_SITE_MODE: Final = "mode:site:"


def versions_of(connection: Connection, settings: Settings, at: datetime) -> dict[str, str]:
    """By name: every source, site and destination, the mode of each, and every feed that has brought rows.

    A feed counts from its first stored row on, be its delivery whole or not.
    """
    names = [f"source:{name}" for name in settings.sources] + [f"site:{name}" for name in settings.sites]
    names += [f"destination:{name}" for name in settings.destinations]
    names += [f"feed:{source}:{feed}" for source, feed in _begun(connection) if source in settings.sources]
    modes = {f"{_SITE_MODE}{name}": str(site.mode) for name, site in settings.sites.items()}
    modes |= {f"{_SOURCE_MODE}{name}": _mode(settings, name, at) for name in settings.sources}
    return dict.fromkeys(names, "") | modes


def _mode(settings: Settings, source: str, at: datetime) -> str:
    mode = settings.sources[source].mode
    return f"{mode} retired" if settings.is_retired(source, at) else mode


def _begun(connection: Connection) -> set[tuple[str, str]]:
    """The feeds that have landed, and those of which something has landed so far: (source, feed)."""
    line = t.feed_line.c
    found = {(source, feed) for source, feed in connection.execute(select(line.source, line.feed).distinct())}
    found |= {(source, feed) for source, _, feed in (key.partition("/") for key in read_memos(connection, CURSOR))}
    return found | _landed(connection)


def _landed(connection: Connection) -> set[tuple[str, str]]:
    c = t.feed_state.c
    return {(source, feed) for source, feed in connection.execute(select(c.source, c.feed))}


def reviewed(connection: Connection, names: Iterable[str]) -> list[str]:
    """Those that a review of everyone makes known: a source once its first complete pull is in, a feed once it landed."""
    c = t.source_state.c
    complete = connection.execute(select(c.source).where(c.first_complete_at.is_not(None))).scalars().all()
    known = {f"source:{source}" for source in complete}
    known |= {f"feed:{source}:{feed}" for source, feed in _landed(connection)}
    return [name for name in names if name in known or not name.startswith(("source:", "feed:"))]


def fresh(stored: Mapping[str, Version], kind: str, names: Iterable[str]) -> frozenset[str]:
    """Those that have not had a first complete review."""
    found = {name: stored.get(f"{kind}:{name}") for name in names}
    return frozenset(name for name, v in found.items() if v is None or not (v.complete or v.edited))


def fresh_sources(stored: Mapping[str, Version], settings: Settings) -> frozenset[str]:
    """Sources that have not had a first complete review, or one of whose feeds has not."""
    feeds = [name.removeprefix("feed:") for name in stored if name.startswith("feed:")]
    of_feeds = frozenset(feed.partition(":")[0] for feed in fresh(stored, "feed", feeds))
    return fresh(stored, "source", settings.sources) | of_feeds


def observed(settings: Settings) -> Places:
    """Sources and sites of whose contacts nothing is sent."""
    return Places(
        sources=frozenset(name for name, source in settings.sources.items() if source.mode == "observe"),
        sites=frozenset(name for name, site in settings.sites.items() if site.mode == "observe"),
    )


def switched(stored: Mapping[str, Version]) -> Places:
    """Sources and sites whose mode has changed since the last complete review."""
    changed = [name for name, version in stored.items() if version.edited and not version.complete]
    sources, sites = (frozenset(_named(changed, prefix)) for prefix in (_SOURCE_MODE, _SITE_MODE))
    return Places(sources=sources, sites=sites)


def mark_switched(connection: Connection, stored: Mapping[str, Version], changed: Iterable[str]) -> None:
    """Makes the contacts of the sources and sites stale whose mode is another than the one last reviewed under."""
    names = [name for name in changed if name in stored]
    mark_of_sources(connection, _named(names, _SOURCE_MODE))
    mark_of_sites(connection, _named(names, _SITE_MODE))


def _named(names: Iterable[str], prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
