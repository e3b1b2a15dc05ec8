"""What each FHIR resource becomes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mappings.fhir.mapping import KINDS, map_resource, row_ids
from mappings.fhir.reference import Place
from mappings.fhir.site import SiteRule
from mappings.fhir.terms import ConsentTerm, Terms
from mappings.records import (
    ConsentRow,
    EpisodeRow,
    Identifier,
    Mapped,
    PatientLink,
    PatientRow,
    Record,
    Rejected,
    SupplementRow,
    VisitRow,
    Warned,
)

CHICAGO, DENVER = ZoneInfo("America/Chicago"), ZoneInfo("America/Denver")
TERMS = Terms(
    release="R4B",
    site=SiteRule(fixed="lincoln"),
    zone_of=lambda site: DENVER if site == "boulder" else CHICAGO,
    phone_region="US",
    outcomes={"goals met": "completed", "ds": "self_discharged"},
    payers={"acme comp": "workers_comp"},
)
BY_LOCATION = replace(
    TERMS, site=SiteRule(by_location=True, places={"location/1": "lincoln", "urn:clinics|b": "boulder"})
)


class Known:
    """A directory that knows a ward of a clinic, and one patient by number."""

    def place(self, key: str) -> Place | None:
        places = {
            "Location/ward": Place(("Location/ward",), "Location/house"),
            "Location/house": Place(("Location/house", "urn:clinics|b"), None),
        }
        return places.get(key)

    def patient(self, token: str) -> str | None:
        return "7" if token == "urn:mrn|0007" else None


def outcome(kind: str, terms: Terms = TERMS, external_id: str | None = None, **elements: Any) -> Mapped | Rejected:
    body = json.dumps({"resourceType": kind, **elements}).encode()
    named = external_id or row_ids(kind, "x", body, terms)[0]
    return map_resource(KINDS[kind], named, body, terms, Known())


def record(kind: str, terms: Terms = TERMS, **elements: Any) -> Record:
    mapped = outcome(kind, terms, **elements)
    assert isinstance(mapped, Mapped), mapped
    assert mapped.record is not None, mapped
    return mapped.record


def patient(**elements: Any) -> PatientRow:
    row = record("Patient", **elements)
    assert isinstance(row, PatientRow)
    return row


def appointment(terms: Terms = TERMS, actors: tuple[str, ...] = ("Patient/7",), **elements: Any) -> Mapped | Rejected:
    base: dict[str, Any] = {
        "status": "booked",
        "start": "2026-03-02T15:00:00Z",
        "participant": [{"actor": {"reference": actor}, "status": "accepted"} for actor in actors],
    }
    return outcome("Appointment", terms, **(base | elements))


def encounter(terms: Terms = TERMS, **elements: Any) -> Mapped | Rejected:
    base: dict[str, Any] = {
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/7"},
        "period": {"start": "2026-03-02T15:00:00Z", "end": "2026-03-02T16:00:00Z"},
    }
    return outcome("Encounter", terms, **(base | elements))


def visit(mapped: Mapped | Rejected) -> VisitRow:
    assert isinstance(mapped, Mapped), mapped
    assert isinstance(mapped.record, VisitRow)
    return mapped.record


# ---------------------------------------------------------------- patients


def test_a_patient_becomes_a_row_in_canonical_form() -> None:
    row = patient(
        name=[
            {"use": "old", "family": "Before", "given": ["Ann"]},
            {"use": "official", "family": "Doe", "given": ["Ann", "Bea"]},
            {"use": "nickname", "given": ["Annie"]},
        ],
        telecom=[
            {"system": "phone", "use": "home", "value": "(402) 555-0101"},
            {"system": "phone", "use": "mobile", "value": "402-555-0102"},
            {"system": "email", "value": "Ann@Example.com"},
        ],
        gender="female",
        birthDate="1980-02-29",
        address=[{"line": ["1 Elm St"], "city": "Lincoln", "state": "NE", "postalCode": "68502", "country": "US"}],
        communication=[
            {"language": {"coding": [{"code": "en"}]}},
            {"language": {"coding": [{"code": "es-mx"}]}, "preferred": True},
        ],
    )
    assert (row.given_name, row.family_name, row.preferred_name) == ("Ann", "Doe", "Annie")
    assert (row.email, row.phone) == ("ann@example.com", "+14025550102")
    assert (row.sex, row.birth_date, row.language) == ("female", date(1980, 2, 29), "es-MX")
    assert (row.address_line, row.city, row.region, row.postal_code) == ("1 Elm St", "Lincoln", "NE", "68502")
    assert (row.site, row.active, row.deceased) == ("lincoln", True, False)


def test_a_name_without_parts_is_split() -> None:
    row = patient(name=[{"text": "DOE, Ann"}])
    assert (row.given_name, row.family_name) == ("Ann", "DOE")


def test_rank_goes_before_use_and_former_addresses_do_not_count() -> None:
    row = patient(
        telecom=[
            {"system": "email", "value": "former@example.com", "use": "old", "rank": 1},
            {"system": "email", "value": "second@example.com", "use": "home", "rank": 2},
            {"system": "email", "value": "first@example.com", "use": "work", "rank": 1},
        ]
    )
    assert row.email == "first@example.com"


def test_an_unreadable_address_is_left_out_and_said() -> None:
    mapped = outcome("Patient", telecom=[{"system": "email", "value": "ann at example"}])
    assert isinstance(mapped, Mapped)
    assert isinstance(mapped.record, PatientRow)
    assert (mapped.record.email, mapped.record.email_invalid) == (None, True)
    assert mapped.warnings == (Warned("email", "unreadable_value"),)


@pytest.mark.parametrize("partial", ["1980", "1980-02"])
def test_a_partial_birth_date_is_none_and_said(partial: str) -> None:
    mapped = outcome("Patient", birthDate=partial)
    assert isinstance(mapped, Mapped)
    assert isinstance(mapped.record, PatientRow)
    assert mapped.record.birth_date is None
    assert mapped.warnings == (Warned("birth_date", "partial_date"),)


@pytest.mark.parametrize(
    ("elements", "deceased"),
    [
        ({"deceasedBoolean": True}, True),
        ({"deceasedBoolean": False}, False),
        ({"deceasedDateTime": "2026"}, True),
        ({"deceasedBoolean": False, "deceasedDateTime": "2026-01-01"}, True),
    ],
)
def test_a_death_is_never_missed(elements: Mapping[str, Any], deceased: bool) -> None:
    assert patient(**elements).deceased is deceased


def test_a_merged_patient_names_the_row_that_replaced_it() -> None:
    row = patient(active=False, link=[{"type": "replaced-by", "other": {"reference": "http://emr/Patient/2"}}])
    assert (row.active, row.replaced_by) == (False, "2")


def test_links_to_patients_are_told_apart_and_those_to_related_persons_left_out() -> None:
    types = {"replaces": "Patient/2", "refer": "Patient/3", "seealso": "RelatedPerson/4", "replaced-by": "Patient/5"}
    row = patient(link=[{"type": kind, "other": {"reference": other}} for kind, other in types.items()])
    assert row.links == (PatientLink("refer", "3"), PatientLink("replaces", "2"))
    assert row.replaced_by == "5"


def test_only_numbers_that_name_a_person_are_evidence() -> None:
    kinds = {"MR": "1", "SS": "999-00-0000", "DL": "S1", "MB": "family-9"}
    numbers = [{"system": "urn:a", "value": v, "type": {"coding": [{"code": k}]}} for k, v in kinds.items()]
    assert patient(identifier=numbers).identifiers == (Identifier("urn:a", "1"),)


def test_declared_identifier_systems_replace_the_types() -> None:
    row = record(
        "Patient",
        replace(TERMS, authorities=frozenset({"urn:b"})),
        identifier=[{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}],
    )
    assert isinstance(row, PatientRow)
    assert row.identifiers == (Identifier("urn:b", "2"),)


# ---------------------------------------------------------------- visits


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("proposed", "proposed"),
        ("pending", "proposed"),
        ("waitlist", "proposed"),
        ("booked", "booked"),
        ("arrived", "arrived"),
        ("checked-in", "arrived"),
        ("fulfilled", "fulfilled"),
        ("cancelled", "cancelled"),
        ("noshow", "noshow"),
        ("no-show", "noshow"),
        ("No Show", "noshow"),
    ],
)
def test_appointment_codes(code: str, status: str) -> None:
    assert visit(appointment(status=code)).status == status


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("planned", "booked"),
        ("triaged", "arrived"),
        ("in-progress", "arrived"),
        ("onleave", "fulfilled"),
        ("finished", "fulfilled"),
        ("completed", "fulfilled"),
        ("cancelled", "cancelled"),
    ],
)
def test_encounter_codes(code: str, status: str) -> None:
    assert visit(encounter(status=code)).status == status


def test_entries_made_in_error_are_removed() -> None:
    gone = Mapped(record=None, removed=True)
    assert [appointment(status="entered-in-error"), encounter(status="entered-in-error")] == [gone, gone]


def test_an_unknown_code_is_rejected_with_all_that_could_be_read() -> None:
    assert appointment(status="maybe") == Rejected(
        code="unknown_code",
        field="status",
        column="Appointment.status",
        patient_id="7",
        day=date(2026, 3, 2),
        site="lincoln",
    )
    assert isinstance(encounter(status="unknown"), Rejected)


@pytest.mark.parametrize(
    "reason", [{"text": "No show"}, {"coding": [{"code": "no-show"}]}, {"coding": [{"code": "DNA"}]}]
)
def test_a_cancellation_whose_reason_is_a_no_show_is_one(reason: Mapping[str, Any]) -> None:
    assert visit(appointment(status="cancelled", cancelationReason=reason)).status == "noshow"


def test_the_day_is_the_local_one_of_the_clinic() -> None:
    late = "2026-03-03T06:30:00Z"
    assert visit(appointment(BY_LOCATION, ("Patient/7", "Location/1"), start=late)).day == date(2026, 3, 3)
    assert visit(appointment(BY_LOCATION, ("Patient/7", "Location/house"), start=late)).day == date(2026, 3, 2)


def test_an_appointment_names_its_provider_kind_times_and_episode() -> None:
    row = visit(
        appointment(
            actors=("Patient/7", "Person/dr"),
            end="2026-03-02T16:00:00Z",
            created="2026-02-01",
            appointmentType={"coding": [{"code": "FOLLOWUP", "display": "Follow-up"}]},
            extension=[
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare",
                    "valueReference": {"reference": "EpisodeOfCare/e1"},
                }
            ],
        )
    )
    assert (row.external_id, row.patient_id) == ("Appointment/x", "7")
    assert (row.provider, row.kind, row.episode_id) == ("dr", "Follow-up", "e1")
    assert row.ends_at == datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert row.created_at == datetime(2026, 2, 1, 6, tzinfo=UTC)


def test_appointments_and_encounters_of_one_id_do_not_collide() -> None:
    assert visit(encounter()).external_id == "Encounter/x"


@pytest.mark.parametrize("status", ["proposed", "cancelled"])
def test_what_counts_as_nothing_needs_no_time(status: str) -> None:
    assert appointment(status=status, start=None) == Mapped(record=None, ignored="no_time_yet")


def test_a_booked_visit_without_a_readable_time_is_rejected_and_still_known() -> None:
    refused = appointment(start="2026-03-02T15:00:00")
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.field, refused.patient_id) == ("missing_value", "starts_at", "7")


def test_blocked_time_without_a_patient_is_none_of_ours() -> None:
    assert appointment(actors=("Practitioner/1", "Location/1")) == Mapped(record=None, ignored="no_patient")


def test_an_encounter_of_a_day_alone_lands_with_a_warning() -> None:
    mapped = encounter(period={"start": "2026-03-02"})
    assert visit(mapped).day == date(2026, 3, 2)
    assert isinstance(mapped, Mapped)
    assert mapped.warnings == (Warned("starts_at", "day_without_time"),)


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "Patient/7"},
        {"reference": "https://emr.example.com/fhir/Patient/7"},
        {"reference": "Patient/7/_history/3"},
        {"reference": "Patient?identifier=urn:mrn|0007"},
        {"reference": "Patient?identifier=urn%3Amrn%7C0007"},
        {"identifier": {"system": "urn:mrn", "value": "0007"}},
        {"reference": "#p"},
    ],
)
def test_every_form_of_reference_finds_the_patient(reference: Mapping[str, Any]) -> None:
    inside = [{"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:mrn", "value": "0007"}]}]
    assert visit(encounter(subject=reference, contained=inside)).patient_id == "7"


@pytest.mark.parametrize(
    "reference", [{"reference": "Patient?identifier=urn:mrn|1"}, {"reference": "urn:uuid:1"}, {"display": "Ann"}]
)
def test_a_reference_that_leads_nowhere_is_rejected(reference: Mapping[str, Any]) -> None:
    refused = encounter(subject=reference)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.column) == ("unresolved_reference", "Encounter.subject")


def test_a_location_is_found_through_what_it_is_part_of() -> None:
    row = visit(encounter(BY_LOCATION, location=[{"location": {"reference": "Location/ward"}}]))
    assert row.site == "boulder"


def test_a_location_is_found_by_a_conditional_reference() -> None:
    row = visit(encounter(BY_LOCATION, location=[{"location": {"reference": "Location?identifier=urn:clinics|B"}}]))
    assert row.site == "boulder"


def test_a_clinic_in_no_map_is_rejected_unless_there_is_a_default() -> None:
    elsewhere = [{"location": {"reference": "Location/9"}}]
    refused = encounter(BY_LOCATION, location=elsewhere)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.patient_id, refused.day) == ("unknown_site", "7", date(2026, 3, 2))
    lenient = replace(BY_LOCATION, site=replace(BY_LOCATION.site, default="lincoln"))
    assert visit(encounter(lenient, location=elsewhere)).site == "lincoln"


def test_r5_names_are_read_alike() -> None:
    terms = replace(TERMS, release="R5")
    row = visit(
        outcome(
            "Encounter",
            terms,
            status="completed",
            subject={"reference": "Patient/7"},
            actualPeriod={"start": "2026-03-02T15:00:00Z"},
            participant=[{"actor": {"reference": "Practitioner/1", "display": "Dr. Who"}}],
        )
    )
    assert (row.status, row.provider) == ("fulfilled", "Dr. Who")
    services = [{"concept": {"text": "Manual therapy"}}]
    missed = {"text": "did not attend"}
    row = visit(appointment(terms, status="cancelled", cancellationReason=missed, serviceType=services))
    assert (row.status, row.kind) == ("noshow", "Manual therapy")


# ---------------------------------------------------------------- episodes


def episode(**elements: Any) -> Mapped | Rejected:
    base = {"status": "active", "patient": {"reference": "Patient/7"}, "period": {"start": "2026-01-05"}}
    return outcome("EpisodeOfCare", **(base | elements))


def test_an_active_episode_is_open_even_if_its_end_is_planned() -> None:
    mapped = episode(period={"start": "2026-01-05", "end": "2026-06-01"}, type=[{"coding": [{"code": "hand"}]}])
    assert isinstance(mapped, Mapped)
    assert mapped.record == EpisodeRow(
        external_id="x", patient_id="7", site="lincoln", kind="hand", started_on=date(2026, 1, 5)
    )


@pytest.mark.parametrize(
    ("word", "expected"), [("Goals met", "completed"), ("DS ", "self_discharged"), ("??", "unknown")]
)
def test_a_finished_episode_is_discharged_with_the_outcome_of_its_word(word: str, expected: str) -> None:
    extension = [{"url": "https://emr.example.com/discharge-reason", "valueString": word}]
    mapped = episode(status="finished", period={"start": "2026-01-05", "end": "2026-02-01"}, extension=extension)
    assert isinstance(mapped, Mapped)
    assert isinstance(mapped.record, EpisodeRow)
    assert (mapped.record.discharged_on, mapped.record.outcome) == (date(2026, 2, 1), expected)


def test_a_finished_episode_without_an_end_is_rejected_but_for_its_history() -> None:
    refused = episode(status="finished")
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.patient_id) == ("missing_value", "7")
    history = [{"status": "finished", "period": {"start": "2026-02-03"}}]
    mapped = episode(status="finished", statusHistory=history)
    assert isinstance(mapped, Mapped)
    assert isinstance(mapped.record, EpisodeRow)
    assert (mapped.record.discharged_on, mapped.record.outcome) == (date(2026, 2, 3), None)


def test_a_cancelled_episode_is_removed() -> None:
    assert episode(status="cancelled") == Mapped(record=None, removed=True)


# ---------------------------------------------------------------- what adds to a patient


def coverage(**elements: Any) -> Mapped | Rejected:
    base = {"status": "active", "beneficiary": {"reference": "Patient/7"}, "payor": [{"reference": "Organization/1"}]}
    return outcome("Coverage", **(base | elements))


@pytest.mark.parametrize(
    ("elements", "payer"),
    [
        ({"type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "121"}]}}, "medicare"),
        ({"type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "311"}]}}, "tricare_va"),
        ({"type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "95"}]}}, "workers_comp"),
        ({"type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "99"}]}}, "other"),
        ({"type": {"coding": [{"code": "AUTOPOL"}]}}, "auto"),
        ({"type": {"coding": [{"code": "EHCPOL"}]}}, "commercial"),
        ({"type": {"text": "Medicare"}}, "medicare"),
        ({"payor": [{"display": "ACME Comp"}], "type": {"coding": [{"code": "EHCPOL"}]}}, "workers_comp"),
        ({}, "other"),
    ],
)
def test_a_coverage_gives_a_payer_class(elements: Mapping[str, Any], payer: str) -> None:
    classes = replace(TERMS, payers={"acme comp": "workers_comp", "medicare": "medicare"})
    base = {"status": "active", "beneficiary": {"reference": "Patient/7"}, "payor": [{"reference": "Organization/1"}]}
    row = record("Coverage", classes, **(base | dict(elements)))
    assert isinstance(row, SupplementRow)
    assert (row.external_id, row.target_id, row.values) == ("Coverage/x", "7", {"payer_class": payer})


@pytest.mark.parametrize("elements", [{"status": "cancelled"}, {"order": 2}])
def test_a_coverage_that_is_not_the_one_in_force_says_nothing(elements: Mapping[str, Any]) -> None:
    mapped = coverage(**elements)
    assert isinstance(mapped, Mapped)
    assert mapped.record is None


REQUEST: dict[str, Any] = {
    "status": "active",
    "intent": "order",
    "subject": {"reference": "Patient/7"},
    "authoredOn": "2026-01-02",
}


def test_a_request_is_a_referral() -> None:
    row = record("ServiceRequest", **REQUEST, requester={"display": "Dr. Roe"})
    assert isinstance(row, SupplementRow)
    assert row.values == {"referral_received": date(2026, 1, 2), "referral_source": "Dr. Roe"}


def test_a_request_that_counts_visits_of_an_episode_speaks_of_both() -> None:
    more = {"supportingInfo": [{"reference": "EpisodeOfCare/e1"}], "quantityQuantity": {"value": 12}}
    body = json.dumps(REQUEST | more).encode()
    ids = row_ids("ServiceRequest", "x", body, TERMS)
    rows = [map_resource("supplements", id_, body, TERMS, Known()) for id_ in ids]
    assert [row.record.target for row in rows if isinstance(row, Mapped) and isinstance(row.record, SupplementRow)] == [
        "patient",
        "episode",
    ]
    assert isinstance(rows[1], Mapped)
    assert isinstance(rows[1].record, SupplementRow)
    assert (rows[1].record.target_id, rows[1].record.values) == ("e1", {"visits_prescribed": 12})


@pytest.mark.parametrize(
    "more", [{"doNotPerform": True}, {"status": "revoked"}, {"category": [{"coding": [{"code": "108252007"}]}]}]
)
def test_other_orders_are_no_referrals(more: Mapping[str, Any]) -> None:
    mapped = outcome("ServiceRequest", **(REQUEST | dict(more)))
    assert isinstance(mapped, Mapped)
    assert mapped.record is None


def test_a_guardian_is_a_parent_with_an_address_and_no_spouse() -> None:
    base: dict[str, Any] = {
        "patient": {"reference": "Patient/7"},
        "name": [{"family": "Doe", "given": ["Mia"]}],
        "telecom": [{"system": "email", "value": "mia@example.com"}],
    }
    row = record("RelatedPerson", **base, relationship=[{"coding": [{"code": "MTH"}]}])
    assert isinstance(row, SupplementRow)
    assert row.values == {"guardian_email": "mia@example.com", "guardian_name": "Mia Doe"}
    spouse = outcome("RelatedPerson", **base, relationship=[{"coding": [{"code": "WIFE"}]}])
    assert spouse == Mapped(record=None, ignored="no_guardian")


# ---------------------------------------------------------------- consents

CONSENT: dict[str, Any] = {
    "status": "active",
    "scope": {"coding": [{"code": "patient-privacy"}]},
    "category": [{"coding": [{"system": "urn:c", "code": "NEWS"}]}],
    "patient": {"reference": "Patient/7"},
    "dateTime": "2026-01-02",
    "provision": {"type": "permit"},
}
DECLARED = replace(TERMS, consents={"news": ConsentTerm(channels=("email",), purposes=("marketing", "operations"))})


def test_without_a_map_no_consent_counts() -> None:
    assert outcome("Consent", **CONSENT) == Mapped(record=None, ignored="no_consent_map")


def test_a_declared_consent_becomes_a_dated_decision_for_each_channel_and_purpose() -> None:
    body = json.dumps(CONSENT).encode()
    rows = [map_resource("consents", id_, body, DECLARED, Known()) for id_ in row_ids("Consent", "x", body, DECLARED)]
    said = [row.record for row in rows if isinstance(row, Mapped) and isinstance(row.record, ConsentRow)]
    assert [(row.consent.channel, row.consent.purpose) for row in said] == [
        ("email", "marketing"),
        ("email", "operations"),
    ]
    assert {(row.patient_id, row.consent.decision, row.consent.decided_on) for row in said} == {
        ("7", "yes", date(2026, 1, 2))
    }


@pytest.mark.parametrize(
    ("more", "decision"),
    [
        ({"provision": {"type": "deny"}}, "no"),
        ({"provision": None, "policyRule": {"coding": [{"code": "OPTOUT"}]}}, "no"),
        ({"provision": None, "policyRule": {"coding": [{"code": "OPTIN"}]}}, "yes"),
        ({"status": "rejected"}, "no"),
        ({"status": "draft"}, None),
        ({"status": "inactive"}, None),
        ({"provision": None}, None),
        ({"category": [{"text": "privacy notice"}]}, None),
    ],
)
def test_only_a_clear_decision_in_force_counts(more: Mapping[str, Any], decision: str | None) -> None:
    mapped = outcome("Consent", DECLARED, **(CONSENT | dict(more)))
    assert isinstance(mapped, Mapped)
    found = mapped.record.consent.decision if isinstance(mapped.record, ConsentRow) else None
    assert found == decision
