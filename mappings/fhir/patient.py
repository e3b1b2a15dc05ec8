"""Patient -> PatientRow (https://hl7.org/fhir/R4/patient.html)."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from mappings.cells import Placeholder, read_birth_day
from mappings.fhir.moment import Moment
from mappings.fhir.person import email_of, leading_address, leading_name, nickname, phone_of
from mappings.fhir.reference import Directory, patient_id
from mappings.fhir.shapes import Communication, Concept, Identifier, Patient, Reference
from mappings.fhir.terms import Terms
from mappings.garbled import garbled_names
from mappings.records import Identifier as Authority
from mappings.records import Mapped, PatientLink, PatientRow, Sex, Warned
from mappings.words import read_language, read_sex

PERSONAL_TYPES = frozenset({"MR", "MRT", "PI", "PT", "NI", "NH", "RI", "JHN", "MC", "MA", "PE"})
"""Identifier types that name one person (v2-0203). Member and account numbers name families; social security,
licence and passport numbers are more than is needed."""

LINK_TYPES: Final = frozenset({"replaced-by", "replaces", "refer", "seealso"})


def map_patient(patient: Patient, external_id: str, terms: Terms, directory: Directory) -> Mapped:
    """Maps a patient; whatever cannot be read is left out with a warning, since only the id is required."""
    warnings: list[Warned] = []
    name = leading_name(patient.name)
    email, email_invalid = email_of(patient.telecom, warnings)
    address = leading_address(patient.address)
    links = list(_links(patient, directory, warnings))
    row = PatientRow(
        external_id=external_id,
        identifiers=tuple(_authorities(patient.identifier or (), terms.authorities)),
        given_name=name.given,
        family_name=name.family,
        preferred_name=nickname(patient.name),
        birth_date=_birth_date(patient.birth_date, warnings),
        sex=_sex(patient.gender, warnings),
        email=email,
        email_invalid=email_invalid,
        phone=phone_of(patient.telecom, terms.phone_region, warnings),
        address_line=address.line[0] if address and address.line else None,
        city=address.city if address else None,
        region=address.state if address else None,
        postal_code=address.postal_code if address else None,
        country=address.country if address else None,
        language=_language(patient.communication, warnings),
        site=terms.site.site_of(_care_givers(patient), None, directory),
        active=patient.active is not False,
        deceased=patient.deceased_boolean is True or patient.deceased_date_time is not None,
        replaced_by=next((other for kind, other in links if kind == "replaced-by"), None),
        consents=terms.stated,
        links=tuple(sorted({PatientLink(kind, other) for kind, other in links if kind != "replaced-by"})),
    )
    return Mapped(record=row, warnings=(*warnings, *garbled_names(row)))


def _authorities(identifiers: list[Identifier] | tuple[()], systems: frozenset[str] | None) -> Iterator[Authority]:
    for identifier in identifiers:
        if not identifier.system or not identifier.value or identifier.use in ("old", "temp", "secondary"):
            continue
        if identifier.system in systems if systems is not None else _is_personal(identifier.type):
            yield Authority(identifier.system, identifier.value.strip())


def _is_personal(kind: Concept | None) -> bool:
    """An untyped identifier counts as personal."""
    codes = [coding.code for coding in kind.coding or () if coding.code] if kind is not None else []
    return not codes or not PERSONAL_TYPES.isdisjoint(codes)


def _care_givers(patient: Patient) -> list[Reference | None]:
    return [patient.managing_organization, *(patient.general_practitioner or ())]


def _birth_date(moment: Moment | None, warnings: list[Warned]) -> date | None:
    if moment is None:
        return None
    if moment.day is None:
        warnings.append(Warned("birth_date", "partial_date"))
        return None
    try:
        return read_birth_day(moment.day.isoformat())
    except Placeholder:
        warnings.append(Warned("birth_date", "placeholder_value"))
    except ValueError:
        warnings.append(Warned("birth_date", "unreadable_value"))
    return None


def _sex(code: str | None, warnings: list[Warned]) -> Sex | None:
    if code is None:
        return None
    try:
        return read_sex(code)
    except ValueError:
        warnings.append(Warned("sex", "unknown_code"))
        return None


def _language(communications: list[Communication] | None, warnings: list[Warned]) -> str | None:
    """The preferred language, else the first."""
    known = [spoken for spoken in communications or () if spoken.language is not None]
    if not known:
        return None
    spoken = next((spoken for spoken in known if spoken.preferred), known[0]).language
    for word in _language_words(spoken):
        try:
            return read_language(word)
        except ValueError:
            continue
    warnings.append(Warned("language", "unreadable_value"))
    return None


def _language_words(concept: Concept | None) -> Iterator[str]:
    if concept is not None:
        yield from (coding.code for coding in concept.coding or () if coding.code)
        if concept.text:
            yield concept.text


def _links(patient: Patient, directory: Directory, warnings: list[Warned]) -> Iterator[tuple[str, str]]:
    """Each link's type and the patient it leads to; what leads to no patient of this server is left out.

    `replaced-by` is on the row that was merged away and `replaces` on its survivor; `refer` and `seealso` join rows of
    one person that are both in use (https://hl7.org/fhir/R4/valueset-link-type.html). A RelatedPerson is nobody's row.
    """
    for link in patient.link or ():
        other = patient_id(link.other, None, directory)
        if other is not None and link.type in LINK_TYPES:
            yield str(link.type), other
        elif link.type == "replaced-by":
            warnings.append(Warned("replaced_by", "unresolved_reference"))
