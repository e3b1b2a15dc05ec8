"""The fhir-search source: a FHIR server that is searched type by type."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

from connectors.base import Finding, Known, Lent, Misconfigured, RawRow, Unavailable, failure
from connectors.fhir.capability import Capability, capability, checked_release, recalled
from connectors.fhir.directory import ServerDirectory
from connectors.fhir.probe import POINTLESS_AFTER, probe_server, statement
from connectors.fhir.server import FhirServer
from connectors.fhir.settings import FEEDS, fingerprint_of, terms_of
from connectors.fhir_search.ask import Asker, Declined, Shelves
from connectors.fhir_search.companions import Companions
from connectors.fhir_search.delivery import Delivery
from connectors.fhir_search.fans import Fans
from connectors.fhir_search.opening import Desk, NothingKnown, NotOffered, Opening
from connectors.fhir_search.page import SearchPage
from connectors.fhir_search.probe import records
from connectors.fhir_search.profiles import knobs_of
from connectors.fhir_search.rows import Rows
from connectors.fhir_search.settings import DATED, FhirSearchSettings
from connectors.settings import Surroundings
from connectors.traffic import Traffic
from mappings.fhir.ladder import Release
from mappings.fhir.mapping import map_resource
from mappings.fhir.terms import Terms
from mappings.records import Mapped, Rejected


class FhirSearchSource:
    """A FHIR server; see `connectors.base.Source`. A feed is a resource type."""

    settings_model: ClassVar[type[FhirSearchSettings]] = FhirSearchSettings

    def __init__(self, name: str, settings: FhirSearchSettings, surroundings: Surroundings, lent: Lent) -> None:
        self.name, self.settings = name, settings
        self.fingerprint = fingerprint_of(settings, surroundings)
        self._surroundings, self._memo = surroundings, lent.memo
        self._knobs = knobs_of(settings)
        self.feeds: Sequence[str] = [name for name in FEEDS if name in self._knobs.searched()]
        self._server = FhirServer(name, settings, lent)
        self._asker = Asker(self._server, strict=self._knobs.strict)
        self._directory = ServerDirectory(Shelves(self._asker), lent.memo)
        self._companions = Companions(self._asker, self._knobs.companions(), settings.refresh_patients)
        self._release: Release | None = None
        self._made: Terms | None = None

    @property
    def traffic(self) -> Traffic:
        """Counts the calls."""
        return self._server.traffic

    def passes(self, known: Known, at: datetime) -> Iterator[Delivery]:
        """Yields a pass for each type. One type that cannot be had does not cost the others; it is told at the end.

        Raises Unavailable or Misconfigured.
        """
        desk = self._desk(at, capability(self._server, self._memo, at))
        self._directory.begin()
        trouble: Exception | None = None
        notices: tuple[str, ...] = ()
        worked = False
        for resource in self._wanted(desk.able):
            try:
                for delivery in self._passes_of(resource, desk, known):
                    delivery.notices, notices = (*notices, *delivery.notices), ()
                    worked = True
                    yield delivery
            except NotOffered as passed_by:
                notices = (*notices, str(passed_by))
            except (Unavailable, Misconfigured) as error:
                if not worked:
                    raise
                trouble = trouble or error
        if trouble is not None:
            raise trouble

    def map(self, row: RawRow) -> Mapped | Rejected:
        """Reads one resource; references that lead elsewhere are followed by what is known already."""
        body = row.body if isinstance(row.body, bytes) else b""
        return map_resource(row.kind, row.external_id, body, self._terms(), self._directory)

    def probe(self, at: datetime) -> Iterator[Finding]:
        """Tries the server out: name, TLS, clock, token, statement, and one record of each type."""
        for finding in probe_server(self._server, at):
            yield finding
            if not finding.ok and finding.step in POINTLESS_AFTER:
                return
        said, able = statement(self._server)
        yield said
        if able is not None:
            yield from records(able, self._knobs, lambda resource, able: self._sample(resource, able, at))
            yield from self._sample_by_patient(able, at)

    def _sample(self, resource: str, able: Capability, at: datetime) -> SearchPage:
        return Opening(self._desk(at, able), resource, NothingKnown()).sample()

    def _sample_by_patient(self, able: Capability, at: datetime) -> Iterator[Finding]:
        """Tries what is asked for by the patients whom a visit names."""
        names = self._knobs.companions()
        visits = next((name for name in DATED if name in self._knobs.searched()), None)
        if not names or visits is None:
            return
        step = f"one {', one '.join(names)}"
        try:
            page, make = self._sample(visits, able, at), Rows(self._terms())
            rows = [row for entry in page.matches[:1] for row in make.row(entry, visits)]
            found, _ = Companions(self._asker, names, timedelta()).of(rows, make, at)
        except Declined as declined:
            yield Finding(step, ok=False, hint=str(declined))
            return
        except (Unavailable, Misconfigured) as error:
            yield failure(step, error)
            return
        yield Finding(step, ok=True, hint=f"{len(found)} came, by the patient whom a visit names")

    def _desk(self, at: datetime, able: Capability) -> Desk:
        self._release = self._chosen_release(able)
        return Desk(
            name=self.name,
            settings=self.settings,
            knobs=self._knobs,
            surroundings=self._surroundings,
            memo=self._memo,
            asker=self._asker,
            fans=Fans(self.name, self.settings, self._asker, self._memo),
            able=able,
            terms=self._terms(),
            at=at,
        )

    def _passes_of(self, resource: str, desk: Desk, known: Known) -> Iterator[Delivery]:
        """One pass; two where the last run read all of one and did not see its end."""
        for _ in range(2):
            delivery = Opening(desk, resource, known).delivery(self._prepare(desk, resource))
            again = delivery.running.done
            yield delivery
            if not again:
                return

    def _prepare(self, desk: Desk, resource: str) -> Callable[[list[RawRow]], tuple[list[RawRow], Callable[[], None]]]:
        """What is asked for beside a page before it lands."""
        make = Rows(desk.terms)

        def prepare(rows: list[RawRow]) -> tuple[list[RawRow], Callable[[], None]]:
            landed: Callable[[], None] = _nothing
            if resource in DATED:
                more, landed = self._companions.of(rows, make, desk.at)
                rows = rows + more
            self._directory.learn(rows)
            self._directory.prepare(rows, desk.terms)
            return rows, landed

        return prepare

    def _wanted(self, able: Capability) -> list[str]:
        """The types to search: those that are named, else those of the profile that the server does not lack."""
        own = self._knobs.searched()
        return own if self._knobs.explicit else [name for name in own if able.offers(name) is not False]

    def _terms(self) -> Terms:
        if self._release is None:
            self._release = self._chosen_release(recalled(self._memo) or Capability())
        return self._terms_as(self._release)

    def _terms_as(self, release: Release) -> Terms:
        if self._made is None or self._made.release != release:
            self._made = replace(terms_of(self.settings, self._surroundings), release=release)
        return self._made

    def _chosen_release(self, able: Capability) -> Release:
        """The configured release, else the server's; the fingerprint knows the setting only."""
        chosen = self.settings.fhir_version
        if chosen != "auto":
            return "R5" if chosen == "R5" else "R4B"
        return checked_release(able.version, f"sources.{self.name}.base_url")


def _nothing() -> None:
    """Nothing is to be noted."""
