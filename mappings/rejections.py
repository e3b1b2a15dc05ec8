"""The closed list of reasons why an input row is refused: code, sentence, what to do."""

from typing import NamedTuple


class Reason(NamedTuple):
    """What happened to the row and what the operator can do about it."""

    sentence: str
    advice: str


REJECTIONS: dict[str, Reason] = {
    "missing_value": Reason("a required value is empty", "fill the value in the EMR, then run again"),
    "unreadable_value": Reason(
        "a required value cannot be read", "correct it in the EMR, or state its format under columns: in the config"
    ),
    "unknown_code": Reason("a code is in no map", "add the code to this column's map: (or give it a default:)"),
    "unknown_site": Reason(
        "the clinic is in no map", "add the clinic to the source's site: map (or give it a default:)"
    ),
    "unknown_type": Reason("the type is in no map", "add the type to this column's map: (or give it a default:)"),
    "cell_count": Reason("the row has more or fewer cells than the header", "export the file again"),
    "unreadable_resource": Reason(
        "the resource cannot be read as FHIR", "report it to the EMR's support; the rest goes on"
    ),
    "unresolved_reference": Reason(
        "a reference leads to nothing that was delivered", "export the resource that it names as well"
    ),
    "duplicate_id": Reason("the same id stands twice in one file with different contents", "export the file again"),
}

OF_RESOURCES: dict[str, Reason] = {
    "unreadable_value": Reason("a required value cannot be read", "correct it in the EMR, then run again"),
    "unknown_code": Reason("a code is none of those that FHIR allows there", "correct it in the EMR, then run again"),
}
"""What is said of FHIR resources instead: they have no column maps."""
