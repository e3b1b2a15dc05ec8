"""The tabular source: feeds of CSV and XLSX files in a folder."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

import orjson

from connectors.base import Export, Finding, Known, Lent, Pass, RawRow, Refusal, is_known
from connectors.dating import stated_time, time_in_name
from connectors.settings import Surroundings
from connectors.tabular.arrivals import Arrivals, Remark
from connectors.tabular.delivery import Delivery, horizon_of
from connectors.tabular.files import Found, find_files
from connectors.tabular.plans import FeedPlan, feed_plans
from connectors.tabular.probe import findings
from connectors.tabular.proof import Dialect, Proved, file_hash, prove, stamp
from connectors.tabular.settings import TabularSettings
from mappings.columns import VERSION, Mapper, compile_plan, day_reader
from mappings.plan import Practice
from mappings.preset import load_preset
from mappings.records import Mapped, Rejected
from mappings.site_column import known_codes

Remarked = Sequence[tuple[Found, Remark | None]]
"""A table's files, each with what is to be said of it."""


class TabularSource:
    """A folder of exports; see `connectors.base.Source`."""

    settings_model: ClassVar[type[TabularSettings]] = TabularSettings

    def __init__(
        self,
        name: str,
        settings: TabularSettings,
        surroundings: Surroundings,
        lent: Lent,
    ) -> None:
        self.name = name
        self._settings = settings
        self._zone = surroundings.zone
        self._practice = _practice(settings, surroundings)
        self._feeds = feed_plans(settings)
        self._dialect = _dialect(settings, surroundings)
        self._by_folder = self._feeds[0].plan.site.by_folder
        self._arrivals = Arrivals(settings, lent.memo, self._file_time)
        self._mappers: dict[str, Mapper] = {}
        self.feeds: Sequence[str] = self._feed_names()
        self.fingerprint = _fingerprint(self._feeds, self._practice)

    def passes(self, known: Known, at: datetime) -> Iterator[Pass]:
        """Yields the files that have not landed, feed by feed, in the order of their export.

        Raises Unavailable when the folder is not there.
        """
        self._know_today(at)
        folder, below = self._settings.folder, self._by_folder
        found = [find_files(folder, feed.patterns, by_folder=below) for feed in self._feeds]
        tables = [feed.plan.table for feed in self._feeds]
        remarks = self._arrivals.remarks(list(zip(tables, found, strict=True)), known, at)
        for feed, files in zip(self._feeds, found, strict=True):
            remarked = [(each, remarks.get((feed.plan.table, each.name))) for each in files]
            yield from self._deliveries(feed, remarked, known, at)

    def map(self, row: RawRow) -> Mapped | Rejected:
        """Reads one raw row by the plan of the table that its body names; a table no longer configured is a fault."""
        body = row.body
        if not isinstance(body, tuple) or len(body) < 2:
            return Rejected(code="cell_count")
        mapper = self._mappers.get(body[0]) or self._compiled(body[0])
        return Rejected(code="cell_count") if mapper is None else mapper(row.external_id, body)

    def probe(self, at: datetime) -> Iterator[Finding]:
        """Looks at the folder and at what matches each table's files."""
        return findings(self._settings.folder, self._feeds, at, by_folder=self._by_folder)

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns that a row's cells were taken from; none for a table that is not configured."""
        return next((feed.plan.layout() for feed in self._feeds if feed.plan.table == table), ())

    def _know_today(self, at: datetime) -> None:
        today = at.astimezone(self._zone).date()
        if self._practice.today != today:
            self._practice = replace(self._practice, today=today)
            self._mappers.clear()

    def _compiled(self, table: str) -> Mapper | None:
        for feed in self._feeds:
            if feed.plan.table == table.removeprefix("!"):
                self._mappers[table] = compile_plan(feed.plan, self._practice)
                return self._mappers[table]
        return None

    def _feed_names(self) -> list[str]:
        """Side tables, decisions and scores are left out: a monthly one must not stop the clock of a nightly source."""
        aside: tuple[str, ...] = ("supplements", "consents")
        if any(feed.plan.kind not in (*aside, "surveys") for feed in self._feeds):
            aside = (*aside, "surveys")
        tables = [feed.plan.table for feed in self._feeds if feed.plan.kind not in aside]
        if not self._by_folder:
            return tables
        site = self._settings.site
        folders = list(site.map) if site is not None and not isinstance(site, str) else []
        return [f"{table}/{folder}" for table in tables for folder in folders]

    # ------------------------------------------------------------ files

    def _deliveries(self, feed: FeedPlan, files: Remarked, known: Known, at: datetime) -> Iterator[Delivery]:
        for delivery in self._in_order(feed, files, known, at):
            self._skip_older(delivery, known)
            yield delivery

    def _in_order(self, feed: FeedPlan, files: Remarked, known: Known, at: datetime) -> Iterator[Delivery]:
        """The files by the time of their export, each looked at once those before it have landed.

        Whether a file repeats what landed last, and which of its lines do, depends on them. Only where the time
        stands in a column must all be read before the first is known.
        """
        if self._dialect.export_column is None:
            files = sorted(files, key=lambda each: (self._outside_time(each[0], at), each[0].name))
        made = filter(None, (self._remarked(feed, found, remark, known, at) for found, remark in files))
        if self._dialect.export_column is None:
            yield from made
        else:
            yield from sorted(made, key=lambda each: (each.exported, each.name))

    def _remarked(
        self, feed: FeedPlan, found: Found, remark: Remark | None, known: Known, at: datetime
    ) -> Delivery | None:
        """A file as a delivery with what its arrival calls for; one that may still be written is not even opened."""
        if remark is not None and remark.act == "leave":
            delivery: Delivery | None = self._dated(feed, found, self._feed_of(feed, found), None, at)
        else:
            delivery = self._delivery(feed, found, known, at)
        if delivery is not None and delivery.refusal is None and remark is not None:
            delivery.notices = (*delivery.notices, remark.notice)
            delivery.skipped = delivery.skipped if remark.act == "land" else "unsettled"
        return delivery

    def _feed_of(self, feed: FeedPlan, found: Found) -> str:
        return f"{feed.plan.table}/{found.folder}" if self._by_folder else feed.plan.table

    def _delivery(self, feed: FeedPlan, found: Found, known: Known, at: datetime) -> Delivery | None:
        """A file as a delivery; None when it has landed before."""
        name = self._feed_of(feed, found)
        refusal: Refusal | None = None
        proved: Proved | None = None
        try:
            if found.escapes:
                raise Refusal(found.name, "unreadable", "the link leads out of the source's folder; copy the file in")
            export = self._export(name, found, at)
            if is_known(known, export):
                return None
            same = known.repeated(name, export.sha256) if self._dialect.export_column is None else None
            if same is not None:
                return replace(self._dated(feed, found, name, None, at), same=same)
            recall = partial(known.lines, name) if feed.snapshot == "full" else None
            proved = self._of_ours(feed, prove(found.path, found.name, feed.plan, self._dialect, recall))
            if stamp(found.path) != proved.stamp:
                return self._unsettled(self._dated(feed, found, name, proved, at))
        except Refusal as caught:
            refusal = caught
        except OSError as error:
            refusal = Refusal(found.name, "unreadable", f"it cannot be opened ({error.strerror}); mend its permissions")
        return self._dated(feed, found, name, proved or refusal, at)

    def _export(self, feed: str, found: Found, at: datetime) -> Export:
        """A file as its outside tells of it; bytes that hold their own export time are never exported anew."""
        by_column = self._dialect.export_column is not None
        stated = self._named_time(found)
        exported = datetime.min.replace(tzinfo=UTC) if by_column else self._file_time(found, at)
        return Export(feed, file_hash(found.path), found.name, exported, stated is not None)

    def _file_time(self, found: Found, at: datetime) -> datetime:
        return min(self._outside_time(found, at), at)

    def _outside_time(self, found: Found, at: datetime) -> datetime:
        """When a file was exported, as its name says, else when it was last changed."""
        return self._named_time(found) or _changed(found, at)

    def _of_ours(self, feed: FeedPlan, proved: Proved) -> Proved:
        """Counts rows of known sites only: a mistyped clinic code that is mended is no lost site."""
        known = known_codes(feed.plan, self._practice)
        sites = {code: rows for code, rows in proved.proof.sites.items() if code.casefold() in known}
        return replace(proved, proof=replace(proved.proof, sites=sites))

    def _dated(
        self, feed: FeedPlan, found: Found, name: str, outcome: Proved | Refusal | None, at: datetime
    ) -> Delivery:
        proved = outcome if isinstance(outcome, Proved) else None
        stated = proved.exported if proved is not None and self._dialect.export_column else self._named_time(found)
        exported = stated or _changed(found, at)
        data_as_of = min(exported, at)
        window = feed.snapshot == "window"
        return Delivery(
            feed=name,
            name=found.name,
            snapshot=feed.snapshot,
            plan=feed.plan,
            folder=found.folder,
            exported=exported,
            data_as_of=data_as_of,
            proved=proved,
            refusal=outcome if isinstance(outcome, Refusal) else None,
            notices=self._notices(feed, proved, dated=stated is not None),
            day_of=day_reader(feed.plan, self._practice) if window else None,
            horizon=horizon_of(data_as_of, self._settings.sees_ahead) if window else None,
        )

    def _named_time(self, found: Found) -> datetime | None:
        return time_in_name(found.path.name, self._settings.exported_at, self._zone)

    def _notices(self, feed: FeedPlan, proved: Proved | None, *, dated: bool) -> list[str]:
        notices = []
        if proved is not None:
            unmapped = proved.header.unmapped(feed.plan, self._dialect.export_column)
            notices += [f"unmapped_columns: {', '.join(unmapped)}"] if unmapped else []
            notices += proved.damage.notices
            flag = feed.plan.flag
            lacks_flag = feed.snapshot == "flags" and flag is not None and flag.column not in proved.header.names
            notices += ["no_export_flag"] if lacks_flag else []
        if self._settings.exported_at is not None and not dated:
            notices.append("no_export_time: dated by the time the file was last changed")
        return notices

    @staticmethod
    def _unsettled(delivery: Delivery) -> Delivery:
        delivery.skipped = "unsettled"
        delivery.notices = ("unsettled: it is still being written and is read at the next run",)
        return delivery

    def _skip_older(self, delivery: Delivery, known: Known) -> None:
        """A snapshot says how things stood; one older than what has landed would turn them back."""
        newest = known.newest(delivery.feed)
        snapshot = delivery.snapshot in ("full", "window")
        lands = delivery.refusal is None and delivery.skipped is None
        if snapshot and lands and newest is not None and delivery.data_as_of < newest:
            delivery.skipped = "older_snapshot"


def _changed(found: Found, at: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(found.path.stat().st_mtime, UTC)
    except OSError:
        return at


def _practice(settings: TabularSettings, surroundings: Surroundings) -> Practice:
    known = load_preset(settings.preset).payers if settings.preset is not None else {}
    return Practice(
        zone=surroundings.zone,
        site_zones=surroundings.site_zones,
        phone_region=surroundings.phone_region,
        outcomes={name: tuple(words) for name, words in settings.outcomes.items()},
        payers=(settings.payers, known),
    )


def _dialect(settings: TabularSettings, surroundings: Surroundings) -> Dialect:
    rule = settings.exported_at
    by_column = rule is not None and rule.column is not None
    return Dialect(
        encoding=settings.encoding,
        delimiter=settings.delimiter,
        export_column=rule.column.strip() if rule is not None and rule.column is not None else None,
        export_time=stated_time(rule.format, surroundings.zone) if rule is not None and by_column else None,
    )


def _fingerprint(feeds: Sequence[FeedPlan], practice: Practice) -> str:
    content = [VERSION, [asdict(feed.plan) for feed in feeds], _described(practice)]
    return hashlib.sha256(orjson.dumps(content, default=_plain, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _described(practice: Practice) -> dict[str, Any]:
    zones = {site: zone.key for site, zone in practice.site_zones.items()}
    return {
        "zone": practice.zone.key,
        "zones": zones,
        "region": practice.phone_region,
        "outcomes": practice.outcomes,
        "payers": [dict(words) for words in practice.payers],
    }


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(type(value).__name__)
