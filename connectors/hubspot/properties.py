"""Properties of contacts: whether the key is unique, and whether each field may hold what is mapped to it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.base import Misconfigured, Unavailable
from connectors.hubspot.portal import Declined, Portal
from mappings.facts import CANONICAL, FACTS

_PROPERTIES: Final = "/crm/v3/properties/contacts"
_SENSITIVE: Final = ("sensitive", "highly_sensitive")
_TEXTS: Final = frozenset({"string", "phone_number", "enumeration"})


def read_properties(portal: Portal, wanted: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    """Properties by name. Sensitive ones are listed only where asked for (properties API, `dataSensitivity`)."""
    found = _listed(portal, "non_sensitive")
    for sensitivity in _SENSITIVE:
        if wanted <= found.keys():
            break
        try:
            found |= _listed(portal, sensitivity)
        except (Declined, Misconfigured):  # of accounts and tokens without sensitive data
            continue
    return found


def _listed(portal: Portal, sensitivity: str) -> dict[str, Mapping[str, Any]]:
    answer = portal.read(_PROPERTIES, params={"dataSensitivity": sensitivity})
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        raise Unavailable(f"GET {_PROPERTIES}: the answer is no list of properties")
    listed = {str(each["name"]): each for each in results if isinstance(each, dict) and each.get("name")}
    return {name: {"dataSensitivity": sensitivity, **each} for name, each in listed.items()}


def faults(there: Mapping[str, Mapping[str, Any]], key: str, fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is to be mended, as (setting, sentence); names properties only, never a value."""
    found = there.get(key)
    if found is None:
        yield "key_property", f"contacts have no property {key}; add it as single-line text that requires unique values"
    elif not found.get("hasUniqueValue") or found.get("type") != "string":
        yield "key_property", f"the property {key} must be single-line text that requires unique values; make another"
    for name, source in fields.items():
        sentence = _fault(there.get(name), name, source)
        if sentence is not None:
            yield "fields", sentence


def _fault(found: Mapping[str, Any] | None, name: str, source: str) -> str | None:
    if found is None:
        return f"contacts have no property {name}; add one of type single-line text, or leave it out of fields:"
    metadata = found.get("modificationMetadata")
    if found.get("calculated") or (isinstance(metadata, dict) and metadata.get("readOnlyValue")):
        return f"the property {name} cannot be written; map to another"
    if found.get("type") not in _TEXTS:
        return f"the property {name} is of type {found.get('type')}; make one of single-line text"
    if is_health(source) and found.get("dataSensitivity") not in _SENSITIVE:
        return f"{name} would hold health data ({source}) but is not marked sensitive; make a sensitive property"
    return None


def is_health(source: str) -> bool:
    """True for a canonical name or fact whose value is health data (45 CFR 160.103)."""
    return CANONICAL.get(source) == "health" or (source in FACTS and FACTS[source].klass == "health")
