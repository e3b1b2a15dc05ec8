"""What a server holds beside a resource: locations by their keys, patients by their identifiers.

References are followed before a page lands, since no call is made while its transaction is open; what they led to is
kept in the memo. The mapping itself asks only what is known already.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from connectors.base import Json, Memo, RawRow
from connectors.fhir.entry import Entry, head_of
from connectors.fhir.identifiers import known_as
from mappings.fhir.mapping import map_resource
from mappings.fhir.reference import Place, read_target
from mappings.fhir.terms import Terms

_PLACES: Final = "locations"
_LOGICAL: Final = (
    b"?identifier=", b'"identifier":{', b'"identifier": {', b'"identifier" : {',
    b'"reference":"#', b'"reference": "#', b'"reference" : "#',
)  # fmt: skip
"""What a reference by identifier looks like, its own or that of a contained resource; a resource's own are a list."""
_LOCATION: Final = re.compile(rb'"(?:[^"\\]*/)?(Location/[A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]+)?"')
_ROUNDS: Final = 8
"""As many references as may lead to one another: a room, its ward, its house …"""


class Library(Protocol):
    """Where a source looks up what it does not know yet. Both may raise Unavailable."""

    def read(self, resource: str, id_: str) -> bytes | None:
        """A resource by its id; None when there is none to be had."""
        ...

    def find(self, resource: str, token: str) -> Sequence[Entry]:
        """The resources of a type with that identifier (`system|value`)."""
        ...


class ServerDirectory:
    """Follows references (`mappings.fhir.reference.Directory`). Patients' identifiers are kept as hashes only."""

    def __init__(self, library: Library, memo: Memo) -> None:
        self._library, self._memo = library, memo
        self._places: dict[str, Place] | None = None
        self._patients: dict[str, str] = {}
        self._nowhere: set[str] = set()

    def begin(self) -> None:
        """Begins a pull: what led nowhere may lead somewhere now."""
        self._nowhere.clear()

    # ------------------------------------------------------------ asked by the mapping

    def place(self, key: str) -> Place | None:
        """The location with that `Location/id` or `system|value`."""
        if self._places is None:
            self._places = _from_json(self._memo.get(_PLACES))
        return self._places.get(key)

    def patient(self, token: str) -> str | None:
        """The id of the patient with that `system|value`."""
        key = _hash(token)
        if key not in self._patients and key not in self._nowhere:
            held = self._memo.get(key)
            if held is not None:
                self._patients[key] = str(held["id"])
        return self._patients.get(key)

    # ------------------------------------------------------------ before a page lands

    def learn(self, rows: Iterable[RawRow]) -> None:
        """Takes in the locations among the rows."""
        found = [place for row in rows if row.kind == "locations" for place in _places(row.body)]
        self._keep(found)

    def prepare(self, rows: Sequence[RawRow], terms: Terms) -> None:
        """Asks the server for whatever the mapping of these rows will want to know, and does not yet."""
        bodies = [row.body if isinstance(row.body, bytes) else b"" for row in rows]
        by_place, whole = terms.site.by_location, b"\n".join(bodies)
        # A patient refers to another one only where the two were merged.
        lone = not by_place and b"replaced-by" not in whole and {row.kind for row in rows} <= {"patients"}
        signs = [] if lone else [sign for sign in _LOGICAL if sign in whole]
        if not signs and not by_place:
            return
        for row, body in zip(rows, bodies, strict=True):
            if any(sign in body for sign in signs) or (by_place and self._leads_on(body, terms)):
                self._follow(row, body, terms)

    def _leads_on(self, body: bytes, terms: Terms) -> bool:
        """True when a location that is named, or one that it is part of, is not known yet."""
        named = {match[1].decode() for match in _LOCATION.finditer(body)}
        return any(self._is_new(key, terms.site.places) for key in named)

    def _is_new(self, key: str | None, mapped: Mapping[str, str]) -> bool:
        for _ in range(_ROUNDS):
            target = read_target(key) if key is not None else None
            if target is None or target.id is None:
                return False
            key = f"{target.kind}/{target.id}"
            if key.casefold() in mapped or key in self._nowhere:
                return False
            place = self.place(key)
            if place is None:
                return target.kind == "Location"
            key = place.parent
        return False

    def _follow(self, row: RawRow, body: bytes, terms: Terms) -> None:
        """Maps the row as often as it asks for something new."""
        for _ in range(_ROUNDS):
            asked = _Asked(self)
            map_resource(row.kind, row.external_id, body, terms, asked)
            if not asked.places and not asked.patients:
                return
            for key in asked.places:
                self._find_place(key)
            for token in asked.patients:
                self._find_patient(token)

    def is_open(self, key: str) -> bool:
        """True for what is not known, and has not been looked for in vain."""
        return key not in self._nowhere

    def _find_place(self, key: str) -> None:
        target = read_target(key)
        if target is not None and target.id is not None and target.kind == "Location":
            body = self._library.read("Location", target.id)
            found = _places(body) if body is not None else []
        elif target is None and "|" in key:
            found = [place for entry in self._library.find("Location", key) for place in _places(entry.body)]
        else:
            found = []
        self._keep(found)
        if not any(key in place.keys for place in found):
            self._nowhere.add(key)

    def _find_patient(self, token: str) -> None:
        named = self._library.find("Patient", token)
        found = [entry.id for entry in named if entry.resource == "Patient" and entry.id]
        key = _hash(token)
        if len(set(found)) == 1:
            self._patients[key] = found[0]
            self._memo.put(key, {"id": found[0]})
        else:
            self._nowhere.add(key)

    def _keep(self, found: Sequence[Place]) -> None:
        fresh = {key: place for place in found for key in place.keys if self.place(key) != place}
        if fresh and self._places is not None:
            self._places |= fresh
            self._memo.put(_PLACES, _to_json(self._places))


class _Asked:
    """A directory that notes what it is asked and does not know."""

    def __init__(self, known: ServerDirectory) -> None:
        self._known = known
        self.places: set[str] = set()
        self.patients: set[str] = set()

    def place(self, key: str) -> Place | None:
        found = self._known.place(key)
        if found is None and self._known.is_open(key):
            self.places.add(key)
        return found

    def patient(self, token: str) -> str | None:
        found = self._known.patient(token)
        if found is None and self._known.is_open(_hash(token)):
            self.patients.add(token)
        return found


def _places(body: bytes | tuple[str, ...]) -> list[Place]:
    resource, id_ = head_of(body) if isinstance(body, bytes) else ("", "")
    known = known_as(body) if isinstance(body, bytes) and resource == "Location" and id_ else None
    return [Place((f"Location/{id_}", *known.tokens), known.parent)] if known is not None else []


def _to_json(places: dict[str, Place]) -> Json:
    distinct = dict.fromkeys(places.values())
    return {"places": [[list(place.keys), place.parent] for place in distinct]}


def _from_json(held: Json | None) -> dict[str, Place]:
    listed = [Place(tuple(keys), parent) for keys, parent in held["places"]] if held is not None else []
    return {key: place for place in listed for key in place.keys}


def _hash(token: str) -> str:
    return "patient:" + hashlib.blake2b(token.encode(), digest_size=16).hexdigest()


def escaped(token: str) -> str:
    """A token as the value of a search parameter (hl7.org/fhir/R4/search.html#escaping)."""
    return token.replace("\\", "\\\\").replace(",", "\\,").replace("$", "\\$")
