"""Contacts as documents need them: what was decided of each, and the values that destinations may show."""

from collections.abc import Iterable, Sequence
from datetime import date

from mappings.consent import Decision, about
from mappings.party import Party, SegmentTag
from sync.criteria import Criteria
from sync.decision import Decided
from sync.person import Person, Row
from sync.standing import leading_rows


def party_of(
    criteria: Criteria, person: Person, found: Decided, decisions: Sequence[Decision], wanted: Iterable[str]
) -> Party:
    """Makes the party of a contact, its segments quiet; `wanted` names the facts and canonical names that are shown."""
    minor = bool(found.facts.get("is_minor"))
    address = found.reach.address
    given = any(row.guardian_email == address for row in person.rows) if address else False
    by_source = any(row.source in criteria.minor_at_guardian and row.email == address for row in person.rows)
    return Party(
        contact=person.contact,
        status=found.judgement.status,
        site=found.judgement.site,
        order=min((row.first_seen_at, row.source, row.external_id) for row in person.rows),
        address=address,
        minor=minor,
        grown_up=not minor and any(row.seen_minor for row in person.rows),
        guardian_address=given or by_source,
        prospect=all(criteria.world.feeds[row.source].role == "leads" for row in person.rows),
        observed=criteria.observed.hold(person.rows, found.judgement.site),
        causes=found.reach.causes,
        decisions=about(decisions, address),
        segments={
            name: SegmentTag(criteria.segments[name].purpose, None)
            for name in found.memberships
            if name in criteria.segments
        },
        values=_values(leading_rows(person), found, wanted),
    )


def _values(leading: Sequence[Row], found: Decided, wanted: Iterable[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name in {*wanted, "given_name", "preferred_name"}:
        if name == "email":
            value: object = found.reach.address
        elif name in found.facts:
            value = found.facts[name]
        else:
            value = next((v for row in leading if (v := getattr(row, name, None)) is not None), None)
        if value is not None:
            values[name] = _text(value)
    return values


def _text(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case date():
            return value.isoformat()
        case frozenset() | list() | tuple():
            return ", ".join(sorted(str(item) for item in value))
        case str() | int() | float():
            return str(value)
        case _:
            return ""
