"""Codes and words of a CodeableConcept."""

from collections.abc import Iterator, Sequence

from mappings.fhir.shapes import Concept


def label(concept: Concept | None) -> str | None:
    """What people call it: the EMR's own text, else a display, else a code."""
    if concept is None:
        return None
    codings = concept.coding or ()
    return (
        concept.text
        or next((coding.display for coding in codings if coding.display), None)
        or next((coding.code for coding in codings if coding.code), None)
    )


def first_label(concepts: Sequence[Concept | None] | None) -> str | None:
    """The first label among several concepts."""
    return next((text for concept in concepts or () if (text := label(concept))), None)


def words(concept: Concept | None) -> Iterator[str]:
    """Yields everything that an operator may have put into a map: `system|code`, code, text, display; casefolded."""
    if concept is None:
        return
    for coding in concept.coding or ():
        if coding.code:
            yield f"{coding.system or ''}|{coding.code}".casefold()
            yield coding.code.strip().casefold()
    if concept.text:
        yield concept.text.strip().casefold()
    for coding in concept.coding or ():
        if coding.display:
            yield coding.display.strip().casefold()


def has_code(concepts: Sequence[Concept] | None, codes: frozenset[str]) -> bool:
    """True when one of the concepts carries one of the codes, whatever its system."""
    return any(coding.code in codes for concept in concepts or () for coding in concept.coding or ())
