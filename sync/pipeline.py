"""The line: listen, pull, review, push, in this order. A trouble with one system leaves the others alone."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from connectors.base import Destination, FileDestination, ListDestination, Misconfigured, Telling, Unavailable
from connectors.settings import DestinationSettings
from mappings.policy import PolicyViolation, assert_document
from sync.announcements import say_end, say_pulled, say_unread
from sync.brakes import Limit, Limits
from sync.build import Service
from sync.capacity import within_plans
from sync.codes import listed, write_file
from sync.criteria import Criteria, Outlet
from sync.delays import say_late
from sync.deliveries import few_rows, say_deliveries
from sync.disclosure import Recipient
from sync.erasure import erase_at, erase_files
from sync.exit_codes import BAD_CONFIG, REFUSED_CREDENTIALS, UNAVAILABLE
from sync.happenings import Teller
from sync.holds import settle_waiting
from sync.landing import PullTerms
from sync.listen import OPT_OUTS_UNREAD_STOPS_PUSHING, last_heard, listen
from sync.log import bound, say
from sync.preflight import Unfit, to_mend
from sync.preparation import conclude, criteria, note_codes, prepare
from sync.pull import pull
from sync.push import Delivery, Pushed, push, push_files, recover
from sync.push_lists import push_lists
from sync.release import Day, release_due
from sync.report import Report, Trouble
from sync.resolve import Resolver, ResolverSettings
from sync.review import review
from sync.store.engine import reading, writing
from sync.store.memos import drop_memo, read_memo, write_memo
from sync.store.reviews import overdue
from sync.store.runs import end_run, note_attempt, start_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a pass is about: all sources, destinations and sites, or the named ones."""

    sources: frozenset[str] | None = None
    destinations: frozenset[str] | None = None
    site: str | None = None
    stages: frozenset[str] = frozenset({"listen", "pull", "review", "push"})

    def source_names(self, service: Service) -> list[str]:
        """Sources to pull."""
        settings = service.config.settings.sources
        named = [name for name in service.sources if self.sources is None or name in self.sources]
        return [name for name in named if self.site is None or settings[name].serves(self.site)]

    def destination_names(self, service: Service) -> list[str]:
        """Destinations to listen to and push to."""
        return [name for name in service.destinations if self.destinations is None or name in self.destinations]


Progress = Callable[[str, str, int], None]
Checkpoint = Callable[[], None]
"""Called where a pass may end early (between pages and batches); it ends the pass by raising."""


class Line:
    """One pass over a service at one instant."""

    def __init__(
        self,
        service: Service,
        at: datetime,
        progress: Progress | None = None,
        checkpoint: Checkpoint = lambda: None,
    ) -> None:
        self.service, self.at = service, at
        self.engine, self.settings = service.engine, service.config.settings
        self.report = Report(run_id=f"r{secrets.token_hex(5)}")
        self._progress: Progress = progress or (lambda _source, _file, _rows: None)
        self._checkpoint = checkpoint

    def run(self, scope: Scope | None = None) -> Report:
        """Runs the stages that the scope names; never raises for a trouble with one system."""
        with bound(run_id=self.report.run_id):
            return self._run(scope or Scope())

    def _run(self, scope: Scope) -> Report:
        began = time.monotonic()
        start_run(self.engine, self.report.run_id, self.at)
        if "listen" in scope.stages:
            self.listen(scope.destination_names(self.service))
        if "pull" in scope.stages:
            self.pull(scope.source_names(self.service))
        if "review" in scope.stages:
            self.review()
        if "push" in scope.stages:
            self.push(scope.destination_names(self.service), scope.site)
        self.report.seconds = time.monotonic() - began
        end_run(self.engine, self.report.run_id, self.at, self.report.exit_code(), self.report.to_json())
        say_end(self.report)
        return self.report

    def listen(self, names: Iterable[str]) -> None:
        """Reads feedback of every destination that has any."""
        for name in names:
            destination = self.service.destinations[name]
            known = destination.capabilities
            if isinstance(destination, FileDestination) or not (known.reads_opt_outs or known.reads_answers):
                continue
            with self._guarded("destination", name):
                before = destination.traffic.reads
                heard = listen(self.engine, destination, self.at)
                self.report.reads[name] = destination.traffic.reads - before
                self.report.heard[name] = heard.suppressed
                if heard.suppressed:
                    say("feedback.suppressed", destination=name, n_suppressed=heard.suppressed)

    def pull(self, names: Iterable[str]) -> None:
        """Lands what sources offer."""
        terms = PullTerms(
            at=self.at,
            resolver=partial(Resolver, ResolverSettings.of(self.settings), self.at),
            min_source_rows=self.settings.brakes.min_source_rows,
            progress=self._progress_or_end,
            usual=partial(few_rows, self.settings),
        )
        for name in names:
            if self.settings.is_retired(name, self.at):
                continue
            self._checkpoint()
            note_attempt(self.engine, name, self.at)
            with self._guarded("source", name):
                pulled = pull(self.engine, self.service.sources[name], terms)
                self.report.pulled[name] = pulled
                say_pulled(self.engine, name, self.report.pulled[name])
                say_deliveries(self.service, name, pulled, self.at)
        say_late(self.service, self.at)

    def _progress_or_end(self, source: str, file: str, rows: int) -> None:
        self._progress(source, file, rows)
        self._checkpoint()

    def review(self) -> None:
        """Reviews everyone who is stale or due, then lets the brakes judge the whole of it."""
        self._resolve_waiting()
        with writing(self.engine) as connection:
            note_codes(connection, self.service.standards, self.at, self.service.codes_file)
            prepare(connection, self.service.standards, self.at)
            day = Day(self.at, self.report.run_id, self.settings.practice.timezone)
            release_due(connection, self.service.standards.compiled, day)
            entries = listed(connection)
        write_file(entries, self.service.codes_file)
        for outlet in self._criteria().outlets:
            self._recover(self._delivery(outlet))
        roles = {name: source.role for name, source in self.settings.sources.items()}
        self.report.reviewed = review(self.engine, self._criteria(), roles, self._checkpoint)
        with writing(self.engine) as connection:
            full = within_plans(connection, self.settings, self.at)
            self.report.held = full + settle_waiting(
                connection, list(self.service.destinations), self._limits(), self.at
            )
            conclude(connection, self.service.standards, self.at)
        for hold in self.report.held:
            say("hold.made", "warning", hold=hold.id, destination=hold.name, site=hold.site)

    def _resolve_waiting(self) -> None:
        """Has what people decided of pairs take effect."""
        waits = True
        while waits:
            self._checkpoint()
            with writing(self.engine) as connection:
                waits = bool(Resolver(ResolverSettings.of(self.settings), self.at).resolve_waiting(connection))

    def _criteria(self) -> Criteria:
        with reading(self.engine) as connection:
            return criteria(connection, self.service.standards, self.at, self.report.run_id)

    def _limits(self) -> Limits:
        brakes = self.settings.brakes
        return Limits(
            removals=Limit(brakes.max_removals.number, brakes.max_removals.share),
            status_changes=Limit(brakes.max_status_changes.number, brakes.max_status_changes.share),
        )

    def push(self, names: Iterable[str], site: str | None = None) -> None:
        """Sends what is ready; a destination on `observe` is only counted. Whoever is stale is reviewed before."""
        with reading(self.engine) as connection:
            unreviewed = overdue(connection, self.at)
        if unreviewed:
            self.review()
        outlets = {outlet.name: outlet for outlet in self._criteria().outlets}
        for name in names:
            if self.settings.destinations[name].mode == "observe":
                self.report.observed.append(name)
                continue
            with self._guarded("destination", name):
                self.report.pushed[name] = self._push(outlets, name, site)

    def erase(self, names: Iterable[str]) -> None:
        """Erases forgotten persons at destinations, without sending anything else but whole files."""
        outlets = {outlet.name: outlet for outlet in self._criteria().outlets}
        for name in names:
            with self._guarded("destination", name):
                self._erase(outlets, name)

    def _erase(self, outlets: Mapping[str, Outlet], name: str) -> None:
        destination, delivery = self.service.destinations[name], self._delivery(outlets[name])
        if not isinstance(destination, FileDestination | ListDestination):
            erase_at(self.engine, destination, delivery)
        elif erase_files(self.engine, name, self.at):
            with writing(self.engine) as connection:
                drop_memo(connection, "files", name)
            self._push_whole(destination, delivery, outlets)

    def _push_whole(
        self, destination: FileDestination | ListDestination, delivery: Delivery, outlets: Mapping[str, Outlet]
    ) -> Pushed:
        outlet = outlets[delivery.name]
        if isinstance(destination, FileDestination):
            return self._push_files(destination, delivery, outlet)
        asked = [outlets[other] for other in destination.not_reached_by]
        return self._said(outlet, push_lists(self.engine, destination, delivery, outlet, asked))

    def _push(self, outlets: Mapping[str, Outlet], name: str, site: str | None) -> Pushed:
        outlet, destination = outlets[name], self.service.destinations[name]
        delivery = replace(self._delivery(outlet), site=site)
        self._recover(delivery)
        self._erase(outlets, name)
        if isinstance(destination, FileDestination | ListDestination):
            return self._push_whole(destination, delivery, outlets)
        self._require_feedback(destination)
        wrong = to_mend(self.service, destination, self.at)
        delivery = replace(delivery, leaving=bool(wrong))
        before = destination.traffic.writes, destination.traffic.reads
        pushed = push(self.engine, destination, delivery)
        if pushed.stopped:  # what takes their tags away must not wait for the next pass
            self.review()
            pushed.add(push(self.engine, destination, delivery))
        self._tell(destination, delivery, outlet)
        pushed.calls, pushed.reads = destination.traffic.writes - before[0], destination.traffic.reads - before[1]
        if pushed.sent:
            say("push.done", destination=outlet.name, n_sent=pushed.sent, n_accepted=pushed.accepted)
        if wrong:
            raise Unfit(pushed, outlet.name, wrong)
        return pushed

    def _tell(self, destination: Destination, delivery: Delivery, outlet: Outlet) -> None:
        """Tells events; while the destination must be mended they wait, or expire."""
        if not outlet.events or delivery.leaving:
            return
        if not isinstance(destination, Telling):
            raise Misconfigured(f"destinations.{outlet.name}.events", "this kind of destination takes no events")
        purposes = {name: segment.purpose for name, segment in self.settings.segments.items()}
        n = Teller(self.engine, destination, delivery, outlet).tell(purposes, self.settings.events_expire)
        if n:
            say("event.told", destination=outlet.name, n_events=n)

    def _recover(self, delivery: Delivery) -> None:
        lost = recover(self.engine, delivery)
        if lost:
            say("push.recovered", destination=delivery.name, n_wishes=lost)

    def _push_files(self, destination: FileDestination, delivery: Delivery, outlet: Outlet) -> Pushed:
        segments = sorted(outlet.audience.tags[key] for key in outlet.audience.tags if key[0] == "segment")
        with reading(self.engine) as connection:
            before = read_memo(connection, "files", outlet.name)
        listing = {"segments": segments, "fields": list(outlet.audience.fields)}
        pushed = push_files(self.engine, destination, delivery, outlet, anew=before != listing)
        with writing(self.engine) as connection:
            write_memo(connection, "files", outlet.name, listing)
        return self._said(outlet, pushed)

    def _said(self, outlet: Outlet, pushed: Pushed) -> Pushed:
        if pushed.calls:
            say("push.done", destination=outlet.name, n_sent=pushed.sent, n_files=pushed.calls)
        return pushed

    def _require_feedback(self, destination: Destination) -> None:
        """Reads feedback again when it is older than `feedback_max_age`; without it nothing is pushed after 6 h."""
        if not destination.capabilities.reads_opt_outs:
            return
        with reading(self.engine) as connection:
            heard = last_heard(connection, destination.name)
        if heard is not None and self.at - heard <= self.settings.feedback_max_age:
            return
        try:
            listen(self.engine, destination, self.at)
            self.review()
        except Unavailable:
            if heard is None or self.at - heard > OPT_OUTS_UNREAD_STOPS_PUSHING:
                say_unread(self.engine, destination.name, self.at)
            raise

    def _delivery(self, outlet: Outlet) -> Delivery:
        settings: DestinationSettings = self.settings.destinations[outlet.name]
        meanings = {tag: f"{kind}:{name}" for (kind, name), tag in outlet.audience.tags.items()}
        return Delivery(
            recipient=Recipient(outlet.name, settings.recipient or "within the practice", meanings),
            assert_policy=partial(assert_document, audience=outlet.audience),
            discloses=not settings.inside,
            run_id=self.report.run_id,
            at=self.at,
            reviews_nudged=self.service.standards.reads("last_nudged"),
            checkpoint=self._checkpoint,
        )

    @contextmanager
    def _guarded(self, kind: str, name: str) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            self._trouble(Trouble(kind, name, UNAVAILABLE, str(error)))
        except Misconfigured as error:
            if isinstance(error, Unfit):
                self.report.pushed[name] = error.pushed
            code = REFUSED_CREDENTIALS if error.credentials else BAD_CONFIG
            self._trouble(Trouble(kind, name, code, str(error)))
        except OSError as error:
            self._trouble(
                Trouble(
                    kind,
                    name,
                    UNAVAILABLE,
                    f"a file cannot be read or written ({error.strerror or type(error).__name__})",
                )
            )
        except PolicyViolation as error:
            say("policy.refused", "error", destination=name)
            self._trouble(Trouble(kind, name, BAD_CONFIG, str(error)))

    def _trouble(self, trouble: Trouble) -> None:
        self.report.troubles.append(trouble)
        event = "source.failed" if trouble.kind == "source" else "destination.failed"
        say(event, "error", **{trouble.kind: trouble.name}, exit_code=trouble.code, next=trouble.sentence)
