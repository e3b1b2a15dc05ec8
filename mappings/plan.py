"""The plan of a feed: which columns of a table feed which canonical names, as frozen data."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from mappings.canonical import REQUIRED
from mappings.records import Channel, Kind, Purpose, VisitStatus


class Once(NamedTuple):
    """A booked visit becomes `status` as soon as `column` is filled (WebPT: a check-in time)."""

    column: str
    status: VisitStatus


class Sign(NamedTuple):
    """A column that speaks when it is filled (Cliniko: a cancellation's time): it then gives `word`.

    With `words` it must hold one of them (casefolded); without, anything but no, false, 0, null or nothing.
    """

    column: str
    word: str
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Where a canonical name comes from.

    `codes` maps a cell (compared trimmed, without case) to a word; `default` stands in for a cell that is empty or
    in no map. `formats` are strptime patterns, or `excel` and `excel-1904` for a spreadsheet's day numbers, tried in
    order before ISO. `time` is a column with the time of day that belongs to this one's day. Of `signs` the first
    that holds gives the word; where none does, the column itself is read. `declared`: the operator named this column,
    so a file without it is refused.
    """

    column: str
    codes: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None
    formats: tuple[str, ...] = ()
    once: Once | None = None
    declared: bool = False
    time: str | None = None
    signs: tuple[Sign, ...] = ()

    def places(self) -> tuple[str, ...]:
        """The source columns that this name is read from, its own first; `once` is apart."""
        beside = [self.time] if self.time is not None else []
        return (self.column, *beside, *(sign.column for sign in self.signs))


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """How a row's site is found where no column is mapped to it: fixed, by a column, or by the folder."""

    fixed: str | None = None
    column: str | None = None
    by_folder: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPlan:
    """One `consent:` entry of a source: a column with yes and no words, or a stated basis (`always`).

    `optional`: a preset knows of the column; a file without it states no consent.
    """

    column: str | None
    always: str | None
    yes: frozenset[str]
    no: frozenset[str]
    channels: tuple[Channel, ...]
    purposes: tuple[Purpose, ...]
    dated_by: str | None = None
    formats: tuple[str, ...] = ()
    evidence: str | None = None
    optional: bool = False


class Flag(NamedTuple):
    """An export flag: the column and the words that say the row was removed."""

    column: str
    removed: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Makes a row's id of several columns (`day` uses only its date part); of several such rows of one file the one
    with the highest number in `newest` counts. `optional`: a column that the header lacks counts as empty."""

    columns: tuple[str, ...]
    day: str | None = None
    newest: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One table: what it is called, what its rows are, and its columns by canonical name.

    A row whose `only_with` column is empty is none of ours (a calendar's blocked hours name no patient).
    """

    table: str
    kind: Kind
    columns: Mapping[str, Column]
    site: SitePlan = field(default_factory=SitePlan)
    consents: tuple[ConsentPlan, ...] = ()
    target: Literal["patient", "episode"] = "patient"
    flag: Flag | None = None
    identity: Identity | None = None
    only_with: str | None = None

    def layout(self) -> tuple[str, ...]:
        """Every source column that a row's cells are taken from, once, in declared order."""
        return tuple(dict.fromkeys(self._mentioned()))

    def required_columns(self) -> tuple[str, ...]:
        """The source columns without which a file is refused."""
        names = [name for name in REQUIRED[self.kind] if not (name == "external_id" and self.identity)]
        wanted = [place for name in names if name in self.columns for place in self.columns[name].places()]
        wanted += self.identity.columns if self.identity and not self.identity.optional else ()
        wanted += [column.column for column in self.columns.values() if column.declared and column.default is None]
        wanted += [column.time for column in self.columns.values() if column.declared and column.time is not None]
        stated = (entry for entry in self.consents if not entry.optional)
        wanted += [name for entry in stated for name in (entry.column, entry.dated_by) if name is not None]
        wanted += [self.only_with] if self.only_with is not None else []
        return tuple(dict.fromkeys(wanted))

    def missing(self, header: Collection[str]) -> list[str]:
        """The required columns that a header lacks; a visit needs its clinic where a column gives it."""
        lacking = [name for name in self.required_columns() if name not in header]
        if self.kind == "appointments" and self.site.column is not None and self.site.default is None:
            lacking += [self.site.column] if not self.site_columns(header) else []
        if self.identity is not None and self.identity.optional:
            lacking += [] if any(name in header for name in self.identity.columns) else self.identity.columns[:1]
        return lacking

    def site_columns(self, header: Collection[str]) -> list[str]:
        """The columns of this header that a row's site may stand in, first choice first."""
        own = self.columns.get("site")
        names = (own.column if own is not None else None, self.site.column)
        return [name for name in names if name is not None and name in header]

    def _mentioned(self) -> Iterator[str]:
        for column in self.columns.values():
            yield from column.places()
            if column.once is not None:
                yield column.once.column
        for entry in self.consents:
            yield from (name for name in (entry.column, entry.dated_by) if name is not None)
        if self.site.column is not None:
            yield self.site.column
        if self.flag is not None:
            yield self.flag.column
        if self.only_with is not None:
            yield self.only_with
        if self.identity is not None:
            yield from self.identity.columns
            yield from (name for name in (self.identity.day, self.identity.newest) if name is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """What a mapping must know of the practice and the source beside the columns.

    `payers` are maps of class -> words, the operator's before the preset's; `outcomes` outcome -> words. `today`: the
    last day on which anybody can have been born.
    """

    zone: ZoneInfo
    site_zones: Mapping[str, ZoneInfo] = field(default_factory=dict)
    phone_region: str = "US"
    outcomes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    payers: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    today: date | None = None

    def zone_of(self, site: str | None) -> ZoneInfo:
        """The site's zone; the practice's where there is no site."""
        return self.site_zones.get(site, self.zone) if site is not None else self.zone
