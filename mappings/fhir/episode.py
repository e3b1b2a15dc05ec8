"""EpisodeOfCare -> EpisodeRow (https://hl7.org/fhir/R4/episodeofcare.html)."""

import re
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from mappings.fhir.concept import first_label, label, words
from mappings.fhir.moment import Moment
from mappings.fhir.reference import Directory, patient_id
from mappings.fhir.shapes import EpisodeOfCare, Extension
from mappings.fhir.terms import Terms
from mappings.fhir.visit import normalised
from mappings.records import EpisodeRow, Mapped, Outcome, Rejected, Warned

_STATUSES = frozenset({"planned", "waitlist", "active", "onhold", "finished"})
_NONE = frozenset({"cancelled", "canceled", "enteredinerror"})
_OUTCOME_URL = re.compile(r"(discharge|outcome|clos(ure|ing))[^/]*\Z", re.IGNORECASE)


def map_episode(episode: EpisodeOfCare, external_id: str, terms: Terms, directory: Directory) -> Mapped | Rejected:
    """Maps an episode. It is closed when its status says so: a period's end may lie ahead as a plan."""
    status = normalised(episode.status) if episode.status is not None else None
    if status in _NONE:
        return Mapped(record=None, removed=True)
    patient = patient_id(episode.patient, episode.contained, directory)
    if patient is None:
        code = "missing_value" if episode.patient is None else "unresolved_reference"
        return Rejected(code=code, field="patient_id", column="patient")
    if status not in _STATUSES:
        code = "missing_value" if status is None else "unknown_code"
        return Rejected(code=code, field="status", column="status", patient_id=patient)
    site = terms.site.site_of([episode.managing_organization], episode.contained, directory)
    return _row(episode, EpisodeRow(external_id=external_id, patient_id=patient, site=site), status, terms)


def _row(episode: EpisodeOfCare, key: EpisodeRow, status: str, terms: Terms) -> Mapped | Rejected:
    zone = terms.zone_of(key.site)
    warnings: list[Warned] = []
    closed = _closed(episode, zone) if status == "finished" else None
    if status == "finished" and closed is None:
        return Rejected(code="missing_value", field="discharged_on", column="period.end", patient_id=key.patient_id)
    reason, outcome = _outcome(episode.extension, terms)
    row = EpisodeRow(
        external_id=key.external_id,
        patient_id=key.patient_id,
        site=key.site,
        kind=first_label(episode.type),
        started_on=_day(episode.period.start if episode.period else None, zone, warnings),
        discharged_on=closed,
        discharge_reason=reason if closed else None,
        outcome=outcome if closed else None,
    )
    return Mapped(record=row, warnings=tuple(warnings))


def _closed(episode: EpisodeOfCare, zone: ZoneInfo) -> date | None:
    """The end of the period, else the day on which the status history became finished."""
    moments = [episode.period.end if episode.period else None]
    moments += [past.period.start for past in episode.status_history or () if past.status == "finished" and past.period]
    return next((day for moment in moments if moment is not None and (day := moment.on(zone)) is not None), None)


def _day(moment: Moment | None, zone: ZoneInfo, warnings: list[Warned]) -> date | None:
    day = moment.on(zone) if moment is not None else None
    if moment is not None and day is None:
        warnings.append(Warned("started_on", "partial_date"))
    return day


def _outcome(extensions: Sequence[Extension] | None, terms: Terms) -> tuple[str | None, Outcome | None]:
    """The EMR's word for how the episode ended. FHIR has no element for it, so vendors put it in an extension
    whose url ends in discharge…, outcome… or closure…."""
    for extension in extensions or ():
        if extension.url is None or not _OUTCOME_URL.search(extension.url):
            continue
        concept = extension.value_codeable_concept
        said = extension.value_string or extension.value_code or label(concept)
        if said:
            asked = [said.strip().casefold(), *words(concept)]
            return said, next((terms.outcomes[word] for word in asked if word in terms.outcomes), "unknown")
    return None, None
