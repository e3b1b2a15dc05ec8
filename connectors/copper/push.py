"""Brings people in step, one by one. Tags and addresses are lists that a write replaces, so they are read before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import Accepted, Change, Misconfigured, Outcome, Unavailable
from connectors.copper.people import Declined, People, Person, held, written
from connectors.copper.settings import EMAIL, NAME
from connectors.http import Unsettled
from connectors.settling import Halt, Progress, at_once, fields_to_write, tags_to_write
from mappings.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The definition of the field that holds the contact's id, and those of the configured custom fields by name."""

    key: int
    ids: Mapping[str, int]


class Push:
    """Settles changes on one account; one outcome a change, in order."""

    def __init__(self, people: People, terms: Terms) -> None:
        self._people, self._terms, self._halt = people, terms, Halt()

    def run(self, changes: Sequence[Change]) -> list[Outcome]:
        """Raises Unavailable or Misconfigured only when nothing was written."""
        return self._halt.settled(at_once(self._settle, changes), wrote=self._people.wrote)

    def _settle(self, change: Change) -> Outcome:
        progress = Progress.of(change)
        if self._halt.over:
            return self._halt.retry(progress)
        try:
            return self._settled(change, progress)
        except Misconfigured as error:
            self._halt.note(error)
            return self._halt.retry(progress)
        except (Unavailable, Unsettled) as error:
            self._halt.note(error)
            return progress.later(error)
        except Declined as declined:
            found = declined.verdict
            return progress.refused("archived_by_human" if found.look else found.code)

    def _settled(self, change: Change, progress: Progress) -> Outcome:
        found = self._find(change)
        if found is not None:
            progress.ref = found.ref
        if change.wished.standing != "subscribed":
            self._untag(change, found)
            return Accepted(document=change.wished, ref=progress.ref or None)
        if found is None and change.ref is not None:
            return progress.refused("archived_by_human")
        if found is not None and self._is_another(found, change):
            return progress.refused("address_taken")
        if found is None:
            progress.ref = self._people.create(self._new(change)).ref
        else:
            self._bring_in_step(change, found)
        return Accepted(document=change.wished, ref=progress.ref)

    def _find(self, change: Change) -> Person | None:
        """The person: by id, else by address, else (where a creation may have been lost) by name and key.

        Text fields cannot be searched for (Search Entity by Custom Field), so the key alone finds nobody.
        """
        if change.ref is not None:
            return self._people.read(change.ref)
        if change.wished.standing != "subscribed":
            return None
        address, name = change.wished.fields.get(EMAIL), change.wished.fields.get(NAME)
        found = self._people.by_address(address) if address else None
        if found is not None or not name:
            return found
        ours = (person for person in self._people.by_name(name) if person.custom.get(self._terms.key) == change.key)
        return min(ours, key=lambda person: int(person.ref), default=None)

    def _is_another(self, person: Person, change: Change) -> bool:
        """True if the person found by address is somebody else: of another key, or of another name."""
        key = person.custom.get(self._terms.key, "")
        if key:
            return key != change.key
        wished, theirs = change.wished.fields.get(NAME, "").casefold(), person.name.casefold()
        return bool(wished and theirs) and not (theirs.startswith(wished) or wished.startswith(theirs))

    def _new(self, change: Change) -> dict[str, Any]:
        body = written({name: value for name, value in change.wished.fields.items() if value}, self._terms.ids)
        if NAME not in body:
            body[NAME] = change.key
        custom = [*body.get("custom_fields", ()), self._key(change)]
        return {**body, "custom_fields": custom, "tags": sorted(change.wished.tags)}

    def _key(self, change: Change) -> dict[str, Any]:
        return {"custom_field_definition_id": self._terms.key, "value": change.key}

    def _bring_in_step(self, change: Change, found: Person) -> None:
        """Writes what differs: our fields, the key where it is missing, and tags beside those of others."""
        before = change.accepted.fields if change.accepted is not None else {}
        names = frozenset(change.wished.fields) | frozenset(before)
        known = Document(address="", fields=held(found, names, self._terms.ids))
        body = written(fields_to_write(change, known), self._terms.ids)
        _beside(body, found)
        if found.custom.get(self._terms.key) != change.key:
            body["custom_fields"] = [*body.get("custom_fields", ()), self._key(change)]
        tags = _tags(change, found)
        if tags is not None:
            body["tags"] = tags
        if body:
            self._people.change(found.ref, body)

    def _untag(self, change: Change, found: Person | None) -> None:
        tags = _tags(replace(change, wished=replace(change.wished, tags=frozenset())), found) if found else None
        if found is not None and tags is not None:
            self._people.change(found.ref, {"tags": tags})


def _beside(body: dict[str, Any], found: Person) -> None:
    """Keeps the other addresses and numbers that a person has: a write replaces the whole list."""
    for plural, key, theirs in (("emails", "email", found.emails), ("phone_numbers", "number", found.phones)):
        if plural in body:
            others = [value for value in theirs[1:] if value not in {each[key] for each in body[plural]}]
            body[plural] = [*body[plural], *({key: value, "category": "other"} for value in others)]


def _tags(change: Change, found: Person) -> list[str] | None:
    """The person's tags as they should be, those of others as they are; None when they are so already."""
    add, remove = tags_to_write(change, change.accepted)
    there = {tag.casefold() for tag in found.tags}
    gone = {tag.casefold() for tag in remove}
    kept = [tag for tag in found.tags if tag.casefold() not in gone]
    wished = kept + sorted(tag for tag in add if tag.casefold() not in there)
    return wished if wished != list(found.tags) else None
