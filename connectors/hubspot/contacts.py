"""Contacts: read by id, key or address, written in batches of 100, with what became of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.http import Request, Unsettled
from connectors.hubspot.outcomes import Verdict, refusal
from connectors.hubspot.portal import MAX_BATCH, Declined, Portal

_CONTACTS: Final = "/crm/v3/objects/contacts"
OPT_OUT: Final = "hs_email_optout"
BOUNCE: Final = "hs_email_hard_bounce_reason_enum"
_TRACE: Final = "objectWriteTraceId"
_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact as read: its record id and the properties that were asked for, as text."""

    ref: str
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.properties.get("email", "").lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One contact to write: by its record id, or (without one) by the value of the unique property."""

    id: str
    properties: Mapping[str, str]


Written = Contact | Verdict | None
"""What became of a write: the contact, a refusal, or None when HubSpot did not say."""


class Contacts:
    """The contacts of an account. `key_property` holds the subscriber's key; `names` are the properties to read."""

    def __init__(self, portal: Portal, key_property: str, names: Sequence[str]) -> None:
        self._portal, self._key = portal, key_property
        self._names = ["email", key_property, OPT_OUT, BOUNCE, *names]

    def by_id(self, refs: Sequence[str]) -> dict[str, Contact]:
        """Those that are there, by the record id that was asked for: a merged contact answers to its former ids."""
        found = {contact.ref: contact for contact in self._read(refs, None)}
        former = {old: contact for contact in found.values() for old in _former(contact)}
        return {ref: found.get(ref) or former[ref] for ref in refs if ref in found or ref in former}

    def by_key(self, keys: Sequence[str]) -> dict[str, Contact]:
        """Those that are there, by the subscriber's key."""
        return {contact.properties.get(self._key, ""): contact for contact in self._read(keys, self._key)}

    def by_address(self, addresses: Sequence[str]) -> dict[str, Contact]:
        """Those that are there, by their first address."""
        return {contact.address: contact for contact in self._read(addresses, "email")}

    def _read(self, ids: Sequence[str], id_property: str | None) -> Iterator[Contact]:
        """Reads records, not the search index, which lags behind (GH HubSpot/hubspot-api-php#59)."""
        for start in range(0, len(ids), MAX_BATCH):
            body: dict[str, Any] = {
                "inputs": [{"id": id_} for id_ in ids[start : start + MAX_BATCH]],
                "properties": [*self._names, "hs_merged_object_ids"],
                "propertiesWithHistory": [],
            }
            if id_property is not None:
                body["idProperty"] = id_property
            for each in _entries(self._portal.ask(f"{_CONTACTS}/batch/read", body), "results"):
                yield _contact(each)

    def upsert(self, writes: Sequence[Write]) -> list[Written]:
        """Creates or updates contacts by the unique property, up to 100 at a time; what became of each, in order."""
        return self._batch("upsert", writes, {"idProperty": self._key})

    def update(self, writes: Sequence[Write]) -> list[Written]:
        """Updates contacts by record id; creates none."""
        return self._batch("update", writes, {})

    def _batch(self, act: str, writes: Sequence[Write], more: Mapping[str, str]) -> list[Written]:
        done: list[Written] = []
        for start in range(0, len(writes), MAX_BATCH):
            done += self._piece(act, writes[start : start + MAX_BATCH], more)
        return done

    def _piece(self, act: str, writes: Sequence[Write], more: Mapping[str, str]) -> list[Written]:
        """One request; where it is refused as a whole, or leaves items unsaid, it is halved until each stands alone."""
        inputs = [
            {"id": w.id, "properties": dict(w.properties), _TRACE: str(place), **more} for place, w in enumerate(writes)
        ]
        path = f"{_CONTACTS}/batch/{act}"
        request = Request(method="POST", path=path, template=path, json={"inputs": inputs}, seconds=_SECONDS)
        try:
            answer = self._portal.write(request)
        except Declined as declined:
            return [declined.verdict] if len(writes) == 1 else self._halved(act, writes, more)
        except Unsettled:
            return [None] * len(writes)
        found = self._told(answer, writes)
        unsaid = [place for place, written in enumerate(found) if written is None]
        if unsaid and len(unsaid) < len(writes):
            for place, written in zip(unsaid, self._piece(act, [writes[p] for p in unsaid], more), strict=True):
                found[place] = written
        elif unsaid and len(writes) > 1:
            return self._halved(act, writes, more)
        return found

    def _halved(self, act: str, writes: Sequence[Write], more: Mapping[str, str]) -> list[Written]:
        middle = len(writes) // 2
        return self._piece(act, writes[:middle], more) + self._piece(act, writes[middle:], more)

    def _told(self, answer: Mapping[str, Any], writes: Sequence[Write]) -> list[Written]:
        """Matches results and errors of a 200 or 207 with what was sent, by trace id, else by id or key."""
        found: list[Written] = [None] * len(writes)
        places = {write.id: place for place, write in enumerate(writes)}
        for each in _entries(answer, "results"):
            contact = _contact(each)
            place = _place(each.get(_TRACE), len(writes))
            key = contact.properties.get(self._key, "")
            for place_ in (place, places.get(contact.ref), places.get(key)):
                if place_ is not None:
                    found[place_] = contact
                    break
        for error in _entries(answer, "errors"):
            verdict = refusal(None, dict(error))
            if verdict.stop is not None:
                raise self._portal.stopped(verdict, error)
            for place in _named(error, places, len(writes)):
                found[place] = verdict
        if len(writes) == 1 and found == [None] and answer.get("errors"):
            found = [refusal(None, dict(next(_entries(answer, "errors"))))]
        return found


def _entries(answer: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    entries = answer.get(name)
    return (each for each in entries if isinstance(each, dict)) if isinstance(entries, list) else iter(())


def _contact(entry: Mapping[str, Any]) -> Contact:
    properties = entry.get("properties")
    texts = properties.items() if isinstance(properties, dict) else ()
    return Contact(ref=str(entry.get("id", "")), properties={name: str(v) for name, v in texts if v is not None})


def _former(contact: Contact) -> list[str]:
    return [ref for ref in contact.properties.get("hs_merged_object_ids", "").split(";") if ref]


def _place(trace: object, count: int) -> int | None:
    return int(trace) if isinstance(trace, str) and trace.isdigit() and int(trace) < count else None


def _named(error: Mapping[str, Any], places: Mapping[str, int], count: int) -> Iterator[int]:
    """The items that an error names in its context: by trace id, or by id."""
    context = error.get("context")
    for name, values in context.items() if isinstance(context, dict) else ():
        for value in values if isinstance(values, list) else ():
            place = _place(value, count) if name == _TRACE else places.get(str(value))
            if place is not None:
                yield place
