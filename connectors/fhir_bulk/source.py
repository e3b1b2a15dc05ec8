"""The fhir-bulk source: a FHIR server that exports files."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from connectors.base import Finding, Known, Lent, RawRow
from connectors.fhir.capability import Capability, capability, checked_release, recalled
from connectors.fhir.directory import ServerDirectory
from connectors.fhir.probe import POINTLESS_AFTER, probe_server, statement
from connectors.fhir.server import FhirServer
from connectors.fhir.settings import FEEDS, fingerprint_of, terms_of
from connectors.fhir.types import ORDER, wanted
from connectors.fhir_bulk.delivery import Delivery
from connectors.fhir_bulk.export import Desk, Export
from connectors.fhir_bulk.exporter import Exporter
from connectors.fhir_bulk.holdings import ExportHoldings
from connectors.fhir_bulk.probe import export
from connectors.fhir_bulk.settings import FhirBulkSettings
from connectors.settings import Surroundings
from connectors.traffic import Traffic
from mappings.fhir.ladder import Release
from mappings.fhir.mapping import map_resource
from mappings.fhir.terms import Terms
from mappings.records import Mapped, Rejected


class FhirBulkSource:
    """A FHIR server's exports; see `connectors.base.Source`. A feed is a resource type."""

    settings_model: ClassVar[type[FhirBulkSettings]] = FhirBulkSettings

    def __init__(self, name: str, settings: FhirBulkSettings, surroundings: Surroundings, lent: Lent) -> None:
        self.name, self.settings = name, settings
        self.fingerprint = fingerprint_of(settings, surroundings)
        self._surroundings, self._memo = surroundings, lent.memo
        self._types = tuple(sorted(wanted(settings, settings.resources), key=ORDER.index))
        self.feeds: Sequence[str] = [name for name in FEEDS if name in self._types]
        self._server = FhirServer(name, settings, lent)
        self._exporter = Exporter(name, settings, self._server)
        self._holdings = ExportHoldings(self._server)
        self._directory = ServerDirectory(self._holdings, lent.memo)
        self._release: Release | None = None
        self._made: Terms | None = None

    @property
    def traffic(self) -> Traffic:
        """Counts the calls."""
        return self._server.traffic

    def passes(self, known: Known, at: datetime) -> Iterator[Delivery]:
        """Yields a pass for each type of an export; raises Unavailable or Misconfigured."""
        able = capability(self._server, self._memo, at)
        self._release = self._chosen_release(able)
        self._directory.begin()
        yield from Export(self._desk(able, at), known).deliveries()

    def map(self, row: RawRow) -> Mapped | Rejected:
        """Reads one resource; references that lead elsewhere are followed by what is known already."""
        body = row.body if isinstance(row.body, bytes) else b""
        return map_resource(row.kind, row.external_id, body, self._terms(), self._directory)

    def probe(self, at: datetime) -> Iterator[Finding]:
        """Tries the server out: name, TLS, clock, token, statement, and whether it offers the export."""
        for finding in probe_server(self._server, at):
            yield finding
            if not finding.ok and finding.step in POINTLESS_AFTER:
                return
        said, able = statement(self._server)
        yield said
        if able is not None:
            yield from export(self._server, self.settings)

    def _desk(self, able: Capability, at: datetime) -> Desk:
        return Desk(
            settings=self.settings,
            server=self._server,
            exporter=self._exporter,
            holdings=self._holdings,
            directory=self._directory,
            memo=self._memo,
            types=self._types,
            listed=tuple(name for name in self._types if name in able.types),
            terms=self._terms(),
            at=at,
        )

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
