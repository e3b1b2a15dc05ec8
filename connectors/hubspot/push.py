"""One push: who is there and may be mailed, then properties, then lists; a hundred contacts at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from connectors.base import Accepted, Change, Misconfigured, Outcome, Retry, SuppressCause, Unavailable
from connectors.http import Unsettled
from connectors.hubspot.contacts import BOUNCE, OPT_OUT, Contact, Contacts, Write, Written
from connectors.hubspot.lists import Lists
from connectors.hubspot.outcomes import Verdict
from connectors.hubspot.portal import MAX_BATCH, Declined, Portal
from connectors.hubspot.preferences import Preferences
from connectors.labels import Labels
from connectors.settling import (
    RETRY_AFTER,
    Halt,
    Progress,
    at_once,
    fields_to_write,
    is_renaming,
    tags_to_write,
)
from mappings.document import Document


@dataclass(slots=True, kw_only=True, eq=False)
class Item:
    """One change under way: the contact behind it, and its outcome once that is known."""

    change: Change
    progress: Progress
    contact: Contact | None = None
    outcome: Outcome | None = None

    @property
    def address(self) -> str:
        return self.change.wished.address.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The parts of an account that a push works on; `key_property` holds the subscriber's key."""

    portal: Portal
    contacts: Contacts
    lists: Lists
    labels: Labels
    preferences: Preferences
    key_property: str


class Push:
    """Settles changes on one account; one outcome a change, in order."""

    def __init__(self, account: Account) -> None:
        self._account, self._halt = account, Halt()

    def run(self, changes: Sequence[Change]) -> list[Outcome]:
        """Raises Unavailable or Misconfigured only when nothing was written."""
        items = [Item(change=change, progress=Progress.of(change)) for change in changes]
        self._find_lists(items)
        at_once(self._settle, [items[start : start + MAX_BATCH] for start in range(0, len(items), MAX_BATCH)])
        outcomes = [item.outcome or self._halt.retry(item.progress) for item in items]
        return self._halt.settled(outcomes, wrote=self._account.portal.wrote)

    def _find_lists(self, items: Sequence[Item]) -> None:
        """Finds or makes the lists before any contact is written: one that was deleted ends the push."""
        added = frozenset(tag for item in items for tag in tags_to_write(item.change, item.change.accepted)[0])
        try:
            self._account.labels.ids(added)
        except (Unavailable, Unsettled, Misconfigured) as error:
            self._halt.note(error)
        except Declined as declined:
            self._halt.note(Unavailable(f"HubSpot refused a list ({declined.verdict.code})"))

    def _settle(self, items: Sequence[Item]) -> None:
        """Settles a batch; what concerns more than one contact ends it, and leaves the rest for later."""
        steps: tuple[Callable[[list[Item]], None], ...] = (
            self._find,
            self._gate,
            self._write,
            self._opt_out,
            self._tag,
            self._accept,
        )
        for step in steps:
            rest = [item for item in items if item.outcome is None]
            if not rest or self._halt.over:
                return
            try:
                step(rest)
            except (Unavailable, Unsettled) as error:
                self._halt.note(error)
                _later([item for item in items if item.outcome is None], error)
            except Misconfigured as error:
                self._halt.note(error)
            except Declined as declined:
                _refuse([item for item in items if item.outcome is None], declined.verdict)

    def _find(self, items: list[Item]) -> None:
        """Reads the records: by id, by key, and of who is new by address; creating needs none of this to be true."""
        contacts = self._account.contacts
        by_id = contacts.by_id([item.change.ref for item in items if item.change.ref])
        keyed = contacts.by_key([item.change.key for item in items if not item.change.ref])
        for item in items:
            item.contact = by_id.get(item.change.ref) if item.change.ref else keyed.get(item.change.key)
        new = [item for item in items if item.contact is None and not item.change.ref]
        there = contacts.by_address([item.address for item in new if item.change.wished.standing != "left"])
        for item in new:
            found = there.get(item.address)
            if found is not None and self._is_another(found, item.change):
                item.outcome = item.progress.refused("address_taken")
            item.contact = found
        for item in items:
            if item.contact is not None:
                item.progress.ref = item.contact.ref

    def _is_another(self, contact: Contact, change: Change) -> bool:
        """True if the contact stands for another subscriber: it has a key already."""
        return contact.properties.get(self._account.key_property, "") not in ("", change.key)

    def _gate(self, items: list[Item]) -> None:
        """Settles whoever is gone, and whoever HubSpot says must not be mailed."""
        wanted = [item for item in items if item.change.wished.standing == "subscribed"]
        for item in items:
            if item.contact is None:
                item.outcome = _gone(item)
        closed = self._account.preferences.opted_out([item.address for item in wanted if item.outcome is None])
        for item in wanted:
            cause = "unsubscribed" if item.address in closed else _cause(item.contact)
            if item.outcome is None and cause is not None:
                item.outcome = item.progress.refused(cause, cause)

    def _write(self, items: list[Item]) -> None:
        """Updates who is there by record id, which creates nobody, and upserts who is new by key."""
        wanted = [item for item in items if item.change.wished.standing == "subscribed"]
        new = [item for item in wanted if item.contact is None]
        collided = self._update([item for item in wanted if item.contact is not None])
        upserts = [Write(id=item.change.key, properties=self._properties(item)) for item in new]
        self._note(new, self._account.contacts.upsert(upserts))
        if collided:
            self._move(collided)
            self._update([item for item in collided if item.outcome is None])

    def _update(self, items: Sequence[Item]) -> list[Item]:
        """Writes what differs; returns those whose new address is another contact's already."""
        changed = [(item, properties) for item in items if (properties := self._properties(item))]
        writes = [Write(id=item.progress.ref, properties=properties) for item, properties in changed]
        done = self._account.contacts.update(writes)
        collided = [
            item
            for (item, _), written in zip(changed, done, strict=True)
            if isinstance(written, Verdict) and written.look and is_renaming(item.change)
        ]
        self._note(
            [item for item, _ in changed if item not in collided],
            [written for (item, _), written in zip(changed, done, strict=True) if item not in collided],
        )
        return collided

    def _move(self, items: Sequence[Item]) -> None:
        """Leaves the contacts of the former addresses and goes on with those that the new ones have already."""
        there = self._account.contacts.by_address([item.address for item in items])
        self._untag(items)
        for item in items:
            found = there.get(item.address)
            if found is None or self._is_another(found, item.change):
                item.outcome = item.progress.refused("address_taken")
                continue
            item.contact, item.progress.ref = found, found.ref
            left = Document(address=item.change.wished.address, standing="left")
            item.change = replace(item.change, accepted=left, ref=found.ref)
            cause = _cause(found)
            if cause is not None:
                item.outcome = item.progress.refused(cause, cause)

    def _untag(self, items: Sequence[Item]) -> None:
        """Takes all of our tags from contacts."""
        tags = frozenset(tag for item in items if item.change.accepted for tag in item.change.accepted.tags)
        for tag, label in sorted(self._account.labels.known(tags).items()):
            held = [item for item in items if item.change.accepted and tag in item.change.accepted.tags]
            self._account.lists.change(label, [], [item.progress.ref for item in held])
        for item in items:
            item.progress.took(tags=frozenset(), standing="left")

    def _properties(self, item: Item) -> dict[str, str]:
        """What must be written: fields that differ, the key and the address where they are not as they should be."""
        change, contact = item.change, item.contact
        known = item.change.accepted
        if contact is not None:
            names = change.wished.fields.keys() | (known.fields.keys() if known else set())
            held = {name: contact.properties.get(name, "") for name in names}
            known = Document(address=contact.address, fields=held)
        properties = fields_to_write(change, known)
        key = self._account.key_property
        if contact is None or contact.properties.get(key) != change.key:
            properties[key] = change.key
        if contact is None or is_renaming(change):
            properties["email"] = change.wished.address
        return properties

    def _note(self, items: Sequence[Item], done: Sequence[Written]) -> None:
        for item, written in zip(items, done, strict=True):
            if isinstance(written, Contact):
                item.progress.ref = written.ref
                wished = item.change.wished
                item.progress.took(address=wished.address, fields=wished.fields, standing="subscribed")
            elif written is None:
                item.outcome = _unknown(item)
            elif written.look:
                item.outcome = item.progress.refused("address_taken")
            else:
                item.outcome = item.progress.refused(written.code, written.suppress)

    def _opt_out(self, items: list[Item]) -> None:
        """Our own opt-outs, of contacts that are there and have not opted out before."""
        stopped = [item for item in items if item.change.wished.standing == "unsubscribed"]
        open_ = [item for item in stopped if _cause(item.contact) is None]
        addresses = [item.contact.address or item.address for item in open_ if item.contact is not None]
        if addresses:
            self._account.preferences.opt_out(addresses)
        for item in open_:
            item.progress.took(standing="unsubscribed")

    def _tag(self, items: list[Item]) -> None:
        """Brings lists in step, one request a list; a record that HubSpot misses is gone."""
        todo = {id(item): tags_to_write(item.change, item.change.accepted) for item in items}
        added = frozenset(tag for add, _ in todo.values() for tag in add)
        removed = frozenset(tag for _, remove in todo.values() for tag in remove)
        labels = {**self._account.labels.known(removed - added), **self._account.labels.ids(added)}
        for tag, label in sorted(labels.items()):
            adding = [item for item in items if tag in todo[id(item)][0]]
            removing = [item for item in items if tag in todo[id(item)][1]]
            self._change_list(tag, label, adding, removing)

    def _change_list(self, tag: str, label: str, adding: Sequence[Item], removing: Sequence[Item]) -> None:
        missing = self._account.lists.change(
            label, [item.progress.ref for item in adding], [item.progress.ref for item in removing]
        )
        for item in (*adding, *removing):
            have = item.progress.accepted.tags if item.progress.accepted else frozenset()
            item.progress.took(tags=have | {tag} if item in adding else have - {tag})
        for item in adding:
            if item.progress.ref in missing:
                item.outcome = item.progress.refused("archived_by_human", "archived_by_human")

    def _accept(self, items: list[Item]) -> None:
        for item in items:
            item.outcome = _accepted(item)


def _accepted(item: Item) -> Outcome:
    return Accepted(document=item.change.wished, ref=item.progress.ref or None)


def _gone(item: Item) -> Outcome | None:
    """The outcome where HubSpot has no such contact: nothing to take away, or somebody deleted it."""
    if item.change.wished.standing != "subscribed":
        return _accepted(item)
    if item.change.ref is None and item.change.accepted is None:
        return None
    return item.progress.refused("archived_by_human", "archived_by_human")


def _cause(contact: Contact | None) -> SuppressCause | None:
    """Why a contact must not be mailed, as its own record says."""
    if contact is None:
        return None
    if contact.properties.get(OPT_OUT, "").lower() == "true":
        return "unsubscribed"
    return "bounced" if contact.properties.get(BOUNCE) else None


def _unknown(item: Item) -> Retry:
    return Retry(
        after=RETRY_AFTER, code="outcome_unknown", accepted=item.progress.accepted, ref=item.progress.ref or None
    )


def _later(items: Sequence[Item], error: Unavailable | Unsettled) -> None:
    for item in items:
        item.outcome = item.progress.later(error)


def _refuse(items: Sequence[Item], verdict: Verdict) -> None:
    for item in items:
        item.outcome = item.progress.refused(verdict.code, verdict.suppress)
