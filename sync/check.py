"""What a configuration cannot do, beyond being well formed: facts that nothing fills, fields that must not leave, gaps."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from config.load import Config, database_url
from config.problem import Problem
from connectors.base import Misconfigured
from connectors.settings import DestinationSettings, SecretRef, SignedBaa, SourceSettings, read_secret
from mappings.clinical_words import clinical_word
from mappings.doubts import warnings as doubts
from mappings.facts import CANONICAL, FACTS
from mappings.policy import BARE_NAMES
from mappings.records import Purpose
from mappings.rules import unfed
from mappings.sentence import english
from mappings.series import english as said
from sync.case import UnreadableCase, pose
from sync.leftovers import late_files

_KNOWN: Final = frozenset({*CANONICAL, *FACTS})
_NO_FEEDS: Final = frozenset(
    {
        "role",
        "mode",
        "schedule",
        "max_age",
        "sees_ahead",
        "past_booked",
        "minor_email",
        "retired",
        "expected",
        "consent",
    }
    | {"site", "folder", "encoding", "delimiter", "exported_at", "payers", "outcomes", "auth", "base_url", "ca_file"}
)
"""Keys of a source that decide nothing of which facts it brings."""


@dataclass(slots=True)
class Examined:
    """What an examination found; `english` says each segment back as a sentence."""

    english: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def examine(config: Config, at: datetime, *, offline: bool = False, live: bool = False) -> Examined:
    """Examines a loaded configuration, no network. Reads no secret and no folder if `offline`; with `live` a trial
    reads the secrets, and tells of each."""
    found = Examined()
    feeds = _feeds(config)
    for name, rule in config.rules.items():
        where = ("segments", name, "who")
        found.english[name] = " ".join(filter(None, (english(rule), said(config.settings.segments[name].manner()))))
        found.warnings += [config.problem(where, doubt) for doubt in doubts(rule)]
        counted = config.settings.segments[name].count_from
        missing = unfed(rule, feeds, {counted} if counted else ()) if feeds is not None else frozenset[str]()
        found.problems += [
            config.problem(where, f"tests {fact}, which no configured source can fill; add the feed, or drop the test")
            for fact in sorted(missing)
        ]
    for name, destination in config.settings.destinations.items():
        found.problems += _policy(config, name, destination)
        found.problems += _names(config, name, destination)
    if not config.left_out:
        found.problems += _cases(config, at)
        found.warnings += _gaps(config)
        found.warnings += late_files(config, at) if not offline else ()
    if not (offline or live):
        found.problems += _secrets(config)
    return found


def _cases(config: Config, at: datetime) -> Iterator[Problem]:
    for case in config.settings.cases():
        try:
            pose(case, config.settings, None, at.astimezone(config.settings.practice.timezone).date())
        except UnreadableCase as error:
            yield from (config.problem((*case.path, *path), message) for path, message in error.faults)


def _gaps(config: Config) -> Iterator[Problem]:
    for name, source in config.settings.sources.items():
        yield from _missing(config, name, source)
    for name, destination in config.settings.destinations.items():
        yield from _uncovered(config, name, destination)


def _feeds(config: Config) -> frozenset[str] | None:
    """What the sources bring; None where there are none, or where one is not understood well enough to say."""
    unclear = (path for path in config.left_out if path[:1] == ("sources",))
    if not config.settings.sources or any(len(path) < 3 or path[2] not in _NO_FEEDS for path in unclear):
        return None
    feeds: set[str] = set()
    for source in config.settings.sources.values():
        stated = getattr(source, "fed", None)
        feeds |= set(stated()) if stated is not None else {"patients", "appointments", "episodes"}
    return frozenset(feeds)


def _missing(config: Config, name: str, source: SourceSettings) -> Iterator[Problem]:
    """Columns that no public page of the vendor names, so that the operator must."""
    stated = getattr(source, "missing", None)
    for key in stated() if stated is not None else ():
        called = key.rpartition(".")[2]
        yield config.problem(
            ("sources", name, *key.split(".")),
            f"is missing: name the export's column (a file without {called!r} is refused)",
        )


def _policy(config: Config, name: str, destination: DestinationSettings) -> Iterator[Problem]:
    unclear = {("destinations", name, key) for key in ("baa", "inside")} & config.left_out
    if destination.inside or isinstance(destination.baa, SignedBaa) or unclear:
        return
    for provider, fact in destination.fields.items():
        if fact not in BARE_NAMES and fact in _KNOWN:
            path = ("destinations", name, "fields", provider)
            yield config.problem(
                path, f"{fact} may not leave without a BAA; only {', '.join(sorted(BARE_NAMES))} and codes may"
            )


def _names(config: Config, name: str, destination: DestinationSettings) -> Iterator[Problem]:
    """Clinical words in names that leave as they are: fields, the greeting, and under a BAA segments."""
    if destination.inside:
        return
    leaving: list[tuple[tuple[str | int, ...], str]] = [
        (("destinations", name, "fields", field), field) for field in destination.fields
    ]
    leaving.append((("practice", "greeting"), config.settings.practice.greeting))
    if isinstance(destination.baa, SignedBaa):
        listed = config.settings.segments if destination.segments == "all" else destination.segments
        leaving += [(("segments", segment), segment) for segment in listed]
    for path, text in leaving:
        word = clinical_word(text)
        if word is not None:
            message = f"{word!r} would tell {name} why somebody comes; choose a name without clinical words"
            yield config.problem(path, message)


def _uncovered(config: Config, name: str, destination: DestinationSettings) -> Iterator[Problem]:
    """Purposes of a destination that no configured consent can cover."""
    if destination.inside:
        return
    purposes = _purposes(config, destination)
    needing = purposes if not isinstance(destination.baa, SignedBaa) else purposes & {"marketing"}
    for purpose in sorted(needing - _consented(config.settings.sources.values())):
        yield config.problem(
            ("destinations", name), f"no configured consent can cover the purpose {purpose}: nobody would be sent it"
        )


def _purposes(config: Config, destination: DestinationSettings) -> set[Purpose]:
    segments = config.settings.segments
    names = segments if destination.segments == "all" else destination.segments
    found = {segments[name].purpose for name in names if name in segments}
    return found | ({destination.purpose} if destination.statuses else set())


def _consented(sources: Iterable[SourceSettings]) -> set[Purpose]:
    """Purposes for which some source brings a dated consent, or a lead list its basis."""
    found: set[Purpose] = set()
    for source in sources:
        for consent in source.consent:
            if consent.dated_by is not None or consent.always is not None:
                found |= set(consent.purposes)
        own = getattr(source, "consented", None)
        found |= own() if own is not None else frozenset()
    return found


def _secrets(config: Config) -> Iterator[Problem]:
    refs: list[tuple[tuple[str, ...], SecretRef | None]] = [(("log_key",), config.settings.log_key)]
    for name, destination in config.settings.destinations.items():
        refs.append((("destinations", name, "api_key"), getattr(destination, "api_key", None)))
        webhook = getattr(destination, "webhook", None)
        for key in ("secret", "signing_secret") if webhook is not None else ():
            refs.append((("destinations", name, "webhook", key), getattr(webhook, key)))
    for path, ref in refs:
        if ref is None or path in config.left_out:
            continue
        try:
            read_secret(ref, ".".join(path))
        except Misconfigured as error:
            yield config.problem(path, str(error).partition(": ")[2])
    try:
        database_url(config)
    except Misconfigured as error:
        yield config.problem(("database", "url"), str(error).partition(": ")[2])
