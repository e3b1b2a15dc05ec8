"""Criteria from the configuration and the database: what is new, what has changed, who must be reviewed because of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, select

from config.load import Config
from connectors.base import Capabilities, Misconfigured
from connectors.settings import DestinationSettings, SignedBaa, SourceSettings
from mappings.policy import Audience, refused_names
from mappings.records import STATUSES
from mappings.rules import class_of
from mappings.series import plain, step_name
from sync.codes import Wanted, ensure_codes
from sync.criteria import Criteria, LastReview, Outlet, SegmentTerms
from sync.newcomers import fresh, fresh_sources, mark_switched, observed, reviewed, switched, versions_of
from sync.person import Feed, World
from sync.rules import CompiledRule, compile_rule
from sync.segments import Ruleset
from sync.store import reviews
from sync.store import tables as t
from sync.store.contacts import mark_everyone
from sync.store.memos import read_memo, write_memo
from sync.world import world_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Standards:
    """What of the configuration reviews need, compiled once: rules, audiences without codes, the world without feeds."""

    config: Config
    capabilities: Mapping[str, Capabilities]
    compiled: Mapping[str, CompiledRule]
    ruleset: Ruleset

    @classmethod
    def of(cls, config: Config, capabilities: Mapping[str, Capabilities]) -> "Standards":
        """Compiles the rules of all segments that are on; raises Misconfigured for fields that must not leave."""
        on = {name: rule for name, rule in config.rules.items() if not config.settings.segments[name].off}
        compiled = {name: compile_rule(rule) for name, rule in on.items()}
        made = cls(config=config, capabilities=capabilities, compiled=compiled, ruleset=Ruleset.of(compiled))
        _refuse(made)
        return made

    def reads(self, fact: str) -> bool:
        """True if a rule tests this fact, or a destination shows it."""
        shown = {name for each in self.config.settings.destinations.values() for name in each.fields.values()}
        return fact in shown or any(fact in compiled.facts for compiled in self.compiled.values())


def _refuse(standards: Standards) -> None:
    for name in standards.config.settings.destinations:
        refused = refused_names(_audience(standards, name, {}))
        if refused:
            sentence = f"{', '.join(refused)} may not leave without a BAA; run: prm-sync check"
            raise Misconfigured(f"destinations.{name}.fields", sentence)
        if standards.config.settings.destinations[name].events and not standards.capabilities[name].tells:
            raise Misconfigured(f"destinations.{name}.events", "this kind of destination takes no events; leave it out")


def criteria(connection: Connection, standards: Standards, at: datetime, run_id: str) -> Criteria:
    """What a review at this instant decides by, after `prepare`."""
    settings = standards.config.settings
    stored = reviews.versions(connection)
    audiences = _audiences(connection, standards)
    new_outlets = fresh(stored, "destination", settings.destinations)
    return Criteria(
        at=at,
        run_id=run_id,
        world=world(connection, standards, at),
        ruleset=standards.ruleset,
        segments=_segment_terms(standards),
        outlets=tuple(
            Outlet(
                name=name,
                audience=replace(audiences[name], loud_after=_loud_after(standards, stored, name, at)),
                observe=destination.mode == "observe",
                baseline=name in new_outlets,
                events=frozenset(destination.events),
            )
            for name, destination in settings.destinations.items()
        ),
        brands={name: site.brand for name, site in settings.sites.items() if site.brand},
        fresh_for=settings.fresh_for,
        shared_limit=settings.identity.shared_address_limit,
        minor_at_guardian=frozenset(n for n, s in settings.sources.items() if s.minor_email == "guardian"),
        newcomers=fresh_sources(stored, settings),
        new_sites=fresh(stored, "site", settings.sites),
        added=fresh(stored, "segment", standards.compiled),
        edited=_edited(stored, standards.compiled),
        observed=observed(settings),
        switched=switched(stored),
        last=_last_review(connection),
        cap=settings.arbitration.limit(),
        hours=settings.hours(),
    )


def _loud_after(
    standards: Standards, stored: Mapping[str, reviews.Version], name: str, at: datetime
) -> datetime | None:
    """Since when entries are loud at a destination; None until everyone was reviewed for it once."""
    version = stored.get(f"destination:{name}")
    if version is None or not version.complete:
        return None
    return max(at - standards.config.settings.fresh_for, version.since)


def _edited(stored: Mapping[str, reviews.Version], segments: Iterable[str]) -> frozenset[str]:
    """Segments whose edited rule has not had a complete review; all, where thresholds have changed."""
    lifecycle = stored.get("lifecycle")
    if lifecycle is not None and lifecycle.edited and not lifecycle.complete:
        return frozenset(segments)
    found = {name: stored.get(f"segment:{name}") for name in segments}
    return frozenset(name for name, v in found.items() if v is not None and v.edited and not v.complete)


def prepare(connection: Connection, standards: Standards, at: datetime) -> bool:
    """Notes what everyone is reviewed under from now on; makes everyone stale where it has changed. True if so.

    Where only the mode of a source or site has changed, its own contacts alone become stale.
    """
    stored, wanted = reviews.versions(connection), _versions(connection, standards, at)
    changed = {n: v for n, v in wanted.items() if n not in stored or stored[n].version != v}
    gone = [name for name in stored if name not in wanted]
    rows = [
        {"name": name, "version": version, "since": at, "complete": False, "edited": _was_complete(stored.get(name))}
        for name, version in changed.items()
    ]
    reviews.write_versions(connection, rows)
    reviews.drop_versions(connection, gone)
    mark_switched(connection, stored, changed)
    moved = any(name.startswith(("segment:", "lifecycle", "audience:")) for name in (*changed, *gone))
    if moved:
        mark_everyone(connection)
    return moved


def _was_complete(version: reviews.Version | None) -> bool:
    return version is not None and (version.complete or version.edited)


def conclude(connection: Connection, standards: Standards, at: datetime) -> None:
    """Notes that everyone was reviewed; a source counts once its first complete pull is in, a feed once it landed."""
    names = reviewed(connection, _versions(connection, standards, at))
    pending = {name for name, version in reviews.versions(connection).items() if not version.complete}
    reviews.complete_versions(connection, [name for name in names if name in pending])
    seen = {name: as_of.isoformat() for name, as_of in _data_as_of(connection).items() if as_of is not None}
    write_memo(connection, "review", "complete", {"at": at.isoformat(), "data_as_of": seen})


def _last_review(connection: Connection) -> LastReview | None:
    memo = read_memo(connection, "review", "complete")
    if memo is None:
        return None
    seen = {name: datetime.fromisoformat(as_of) for name, as_of in memo["data_as_of"].items()}
    return LastReview(datetime.fromisoformat(memo["at"]), seen)


def _data_as_of(connection: Connection) -> dict[str, datetime | None]:
    c = t.source_state.c
    return dict(connection.execute(select(c.source, c.data_as_of)).all())


def _versions(connection: Connection, standards: Standards, at: datetime) -> dict[str, str]:
    settings = standards.config.settings
    names: dict[str, str] = {"lifecycle": _hash(_lifecycle(standards))}
    names.update((f"segment:{name}", compiled.version) for name, compiled in standards.compiled.items())
    names.update((f"audience:{name}", _hash(_terms(standards, name))) for name in settings.destinations)
    return names | versions_of(connection, settings, at)


def _lifecycle(standards: Standards) -> list[Any]:
    settings = standards.config.settings
    sources = [
        [name, s.role, str(s.age_limit()), str(s.sees_ahead), s.past_booked, s.minor_email]
        for name, s in sorted(settings.sources.items())
    ]
    merged = settings.thresholds()
    by_both = sorted((list(key), values) for key, values in merged.by_site_type.items())
    zones = {name: str(settings.zone_of(name)) for name in settings.sites}
    thresholds = [merged.practice, merged.by_site, merged.by_type, by_both]
    return [sources, thresholds, zones, str(settings.practice.timezone), settings.identity.shared_address_limit]


def _terms(standards: Standards, name: str) -> list[Any]:
    settings = standards.config.settings
    audience = _audience(standards, name, {})
    purposes = {segment: settings.segments[segment].purpose for segment in sorted(audience.segments)}
    manners = {segment: plain(settings.segments[segment].manner()) for segment in sorted(audience.segments)}
    hours = {site: str(hours) for site, hours in settings.hours().items()}
    return [
        sorted(audience.segments), sorted(audience.statuses), sorted(audience.sites or ()), audience.sites is None,
        dict(audience.fields), audience.agreement, audience.unit, audience.purpose, audience.everyone,
        audience.archives, audience.greeting, audience.quiet, audience.channel, purposes, manners, hours,
        str(settings.arbitration),
    ]  # fmt: skip


def _hash(value: Any) -> str:
    return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _segment_terms(standards: Standards) -> dict[str, SegmentTerms]:
    segments = standards.config.settings.segments
    return {
        name: SegmentTerms(
            purpose=segments[name].purpose,
            klass=class_of(compiled.rule),
            version=compiled.version,
            manner=segments[name].manner(),
        )
        for name, compiled in standards.compiled.items()
    }


def agreement_of(settings: DestinationSettings) -> str:
    """Under which agreement a destination receives: inside, signed or none."""
    if settings.inside:
        return "inside"
    return "signed" if isinstance(settings.baa, SignedBaa) else "none"


def _audience(standards: Standards, name: str, tags: Mapping[tuple[str, str], str]) -> Audience:
    settings, config = standards.config.settings.destinations[name], standards.config.settings
    on = frozenset(standards.compiled)
    return Audience(
        destination=name,
        unit=standards.capabilities[name].unit,
        agreement=agreement_of(settings),  # type: ignore[arg-type]  # one of the three literals
        segments=on if settings.segments == "all" else on & frozenset(settings.segments),
        statuses=frozenset(STATUSES if settings.statuses == "all" else settings.statuses),
        purpose=settings.purpose,
        everyone=settings.audience_of == "everyone",
        archives=settings.on_leave == "archive",
        sites=None if settings.sites == "all" else frozenset(settings.sites),
        fields=settings.fields,
        tags=tags,
        greeting=config.practice.greeting,
        starts=not standards.capabilities[name].whole_files,
        channel=standards.capabilities[name].channel,
        quiet=standards.capabilities[name].quiet_tags or standards.capabilities[name].whole_files,
    )


def _audiences(connection: Connection, standards: Standards) -> dict[str, Audience]:
    c = t.code.c
    codes = {(kind, name): code for code, kind, name in connection.execute(select(c.code, c.kind, c.name))}
    settings = standards.config.settings
    steps = {name: len(segment.steps) for name, segment in settings.segments.items()}
    return {name: with_tags(_audience(standards, name, {}), codes, steps) for name in settings.destinations}


def with_tags(
    audience: Audience, codes: Mapping[tuple[str, str], str], steps: Mapping[str, int] | None = None
) -> Audience:
    """Gives an audience the names under which segments, their steps and statuses leave: plain, or codes without an
    agreement. `steps`: how many a segment has."""
    names = [("segment", n) for n in sorted(audience.segments)] + [("status", n) for n in sorted(audience.statuses)]
    if audience.starts:
        own = {name: (steps or {}).get(name, 0) for name in sorted(audience.segments)}
        names += [("step", step_name(name, n)) for name, number in own.items() for n in range(1, number + 1)]
    if audience.agreement == "none":
        return replace(audience, tags={key: codes[key] for key in names if key in codes})
    return replace(audience, tags={(kind, n): n if kind == "segment" else f"{kind}:{n}" for kind, n in names})


def note_codes(connection: Connection, standards: Standards, at: datetime, file: Any) -> None:
    """Gives every segment, step, shown status and site a code; raises CodeTaken."""
    settings = standards.config.settings
    wanted = [Wanted("segment", name, segment.code) for name, segment in settings.segments.items()]
    wanted += [
        Wanted("step", step_name(name, number + 1))
        for name, segment in settings.segments.items()
        for number in range(len(segment.steps))
    ]
    statuses = {s for d in settings.destinations.values() for s in (STATUSES if d.statuses == "all" else d.statuses)}
    wanted += [Wanted("status", name) for name in sorted(statuses)]
    wanted += [Wanted("site", name) for name in settings.sites]
    ensure_codes(connection, wanted, file, at)


def world(connection: Connection, standards: Standards, at: datetime) -> World:
    """Feeds as they stand in the database, of retired sources without a clock; the rest from the configuration."""
    settings = standards.config.settings
    data_as_of = _data_as_of(connection)
    retired = {name for name in settings.sources if settings.is_retired(name, at)}
    feeds = {
        name: _feed(source, data_as_of.get(name)) if name not in retired else _retired(source)
        for name, source in _sources(connection, standards)
    }
    return world_of(settings, feeds)


def _sources(connection: Connection, standards: Standards) -> Sequence[tuple[str, SourceSettings | None]]:
    """Configured sources, and those whose rows are still there though they are no longer configured."""
    configured = standards.config.settings.sources
    left = set(connection.execute(select(t.source_state.c.source)).scalars().all()) - set(configured)
    return [*configured.items(), *((name, None) for name in sorted(left))]


def _feed(settings: SourceSettings | None, data_as_of: datetime | None) -> Feed:
    if settings is None:
        return Feed("emr", data_as_of, timedelta(hours=48), None, None)
    ahead = settings.sees_ahead.days if settings.sees_ahead is not None else None
    return Feed(settings.role, data_as_of, settings.age_limit(), ahead, settings.past_booked)


def _retired(settings: SourceSettings | None) -> Feed:
    """A feed that ended: what it left behind is judged by the real time, and no later visit is hidden beyond its view."""
    role = settings.role if settings is not None else "emr"
    return Feed(role, None, None, None, settings.past_booked if settings is not None else None)
