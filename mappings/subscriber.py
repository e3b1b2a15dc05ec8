"""The contacts of one address -> the document that a destination should hold, and what is withheld of whom and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from mappings.consent import PURPOSES, Verdict, verdict, withdrawn_all
from mappings.document import Document
from mappings.observed import as_accepted, shown, unsent
from mappings.party import Party, choose_primary, ranked
from mappings.policy import Audience, covers
from mappings.quiet import waiting
from mappings.records import Purpose
from mappings.withheld import FOR_CONSENT

STATUS: Final = "status"
STEP: Final = "step"
DO_NOT_CALL: Final = "do_not_call"
"""The cause of a suppression that closes the telephone to a person, and nothing else."""


class Built(NamedTuple):
    """What came of one subscriber. `document` None: it is not, and never was, in the audience.

    `shaped_by` holds [contact, basis, purposes] of those whose data shaped the document; `withheld` maps contact to
    segment, status:name or "*" (all of it) to reason; `protected`: something is removed that no brake may hold.
    """

    document: Document | None
    loud: Mapping[str, datetime]
    shaped_by: Sequence[tuple[str, str, tuple[str, ...]]]
    withheld: Mapping[str, Mapping[str, str]]
    primary: str | None
    protected: bool


class _Passed(NamedTuple):
    """A contact that may be sent something: the tags it brings, by name, with what covers them."""

    party: Party
    tags: Mapping[tuple[str, str], Purpose]
    purposes: tuple[Purpose, ...]
    basis: str


class Before(NamedTuple):
    """What is known of a subscriber: the document last accepted, its primary, and causes that close its address."""

    accepted: Document | None = None
    primary: str | None = None
    closed: frozenset[str] = frozenset()


def build(audience: Audience, parties: Sequence[Party], neighbours: Sequence[Party], before: Before) -> Built:
    """Makes the document of one address (or contact, where the contact is the unit).

    `neighbours` are all contacts of the address, the parties included. Inactive contacts are left out.
    """
    active = [party for party in parties if not party.inactive]
    around = [party for party in neighbours if not party.inactive]
    withheld: dict[str, dict[str, str]] = {p.contact: {"*": "inactive"} for p in parties if p.inactive}
    passed: list[_Passed] = []
    for party in active:
        gate = _Gate(audience, party, around, before)
        tags, reasons = gate.tags()
        if party.observed:
            tags, reasons = unsent(audience, tags, reasons, before.accepted)
        if not audience.quiet:
            loud = {key: _since(party, *key) for key in tags or ()}
            tags, reasons = waiting(audience, tags, reasons, loud, before.accepted)
        if reasons:
            withheld[party.contact] = reasons
        if tags is not None:
            purposes = gate.purposes(tags)
            passed.append(_Passed(party, tags, purposes, gate.basis(purposes)))
    primary = choose_primary(before.primary, parties)
    opted_out = any(withdrawn_all(party.decisions) for party in active)
    document = _document(audience, passed, primary, before.accepted, opted_out=opted_out)
    return Built(
        document=document,
        loud=_loud(audience, passed),
        shaped_by=sorted((p.party.contact, p.basis, p.purposes) for p in passed)
        or sorted((party.contact, "", ()) for party in parties),
        withheld=withheld,
        primary=primary,
        protected=opted_out or _removed_for_consent(audience, withheld, before.accepted, document),
    )


def _removed_for_consent(
    audience: Audience,
    withheld: Mapping[str, Mapping[str, str]],
    accepted: Document | None,
    document: Document | None,
) -> bool:
    """True if a tag, or the whole subscriber, goes because of consent; not if the rest merely lacks it."""
    if accepted is None or document is None:
        return False
    closed = {name for reasons in withheld.values() for name, reason in reasons.items() if reason in FOR_CONSENT}
    if "*" in closed and document.standing != "subscribed":
        return True
    shown = {tag: name if kind == "segment" else f"{kind}:{name}" for (kind, name), tag in audience.tags.items()}
    return any(shown.get(tag) in closed for tag in accepted.tags - document.tags)


def _document(
    audience: Audience, passed: Sequence[_Passed], primary: str | None, accepted: Document | None, *, opted_out: bool
) -> Document | None:
    address = "" if audience.unit == "contact" else next((p.party.address or "" for p in passed), "")
    if accepted is not None and audience.agreement != "inside":
        gone = accepted.standing == "left" and audience.archives
        if accepted.standing == "unsubscribed" or (opted_out and not gone):
            return Document(address=accepted.address, standing="unsubscribed")
    if not passed:
        return None if accepted is None else Document(address=accepted.address, standing="left")
    tags = {audience.tags[key] for p in passed for key in p.tags if key in audience.tags}
    speaking = [p for p in passed if not p.party.observed]
    fields = _fields(audience, speaking, primary) if speaking else as_accepted(audience, accepted)
    return Document(address=address, fields=fields, tags=frozenset(tags))


def _fields(audience: Audience, passed: Sequence[_Passed], primary: str | None) -> dict[str, str]:
    first = ranked([p.party for p in passed])
    speaker = next((party for party in first if party.contact == primary), first[0])
    several = len(passed) > 1
    return {
        provider: _greeting(audience, speaker, several=several) if name == "greeting" else speaker.values.get(name, "")
        for provider, name in audience.fields.items()
    }


def _greeting(audience: Audience, party: Party, *, several: bool) -> str:
    preferred = None if audience.agreement == "none" else party.values.get("preferred_name")
    name = preferred or party.values.get("given_name")
    return audience.greeting if several or not name else name


def _loud(audience: Audience, passed: Sequence[_Passed]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for p in passed:
        for kind, name in p.tags:
            since = _since(p.party, kind, name)
            tag = audience.tags.get((kind, name))
            if since is not None and tag is not None:
                found[tag] = max(since, found.get(tag, since))
    return found


def _since(party: Party, kind: str, name: str) -> datetime | None:
    if kind == "segment":
        return party.segments[name].loud_since
    step = party.segments[_owner(name)].step if kind == STEP else None
    return step.loud_since if step is not None else None


def _owner(step: str) -> str:
    """The segment of a step."""
    return step.rpartition(":")[0]


def receives(audience: Audience, party: Party, neighbours: Sequence[Party], before: Before) -> frozenset[str]:
    """The segments of a contact that may leave to a destination."""
    if party.inactive or party.observed:
        return frozenset()
    tags, _ = _Gate(audience, party, [other for other in neighbours if not other.inactive], before).tags()
    return frozenset(name for kind, name in tags or () if kind == "segment")


class _Gate:
    """One contact before one destination."""

    def __init__(self, audience: Audience, party: Party, active: Sequence[Party], before: Before) -> None:
        self.audience, self.party, self.active, self.closed = audience, party, active, before.closed
        self._there = before.accepted.tags if before.accepted is not None else frozenset[str]()
        self._stays_out = before.accepted is not None and before.accepted.standing == "unsubscribed"
        self._verdicts: dict[Purpose, Verdict] = {}

    def tags(self) -> tuple[dict[tuple[str, str], Purpose] | None, dict[str, str]]:
        """The tags that may leave (None: not in the audience), and the reasons for those that may not."""
        wanted = self._wanted()
        if self.audience.sites is not None and self.party.site not in self.audience.sites:
            return None, {"*": "other_site"} if wanted or self.audience.everyone else {}
        whole = self._closed()
        given: dict[tuple[str, str], Purpose] = {}
        reasons: dict[str, str] = {}
        for key, purpose in wanted.items():
            closed = whole or self._reason(purpose)
            reason = closed or self._waits(key)
            if reason is None:
                given[key] = purpose
            elif key[0] != STEP or closed is None:  # a step shares what closes its segment
                reasons[shown(key)] = reason
        if self.audience.agreement == "inside" and self.audience.channel == "email":
            return given, reasons
        base = whole or self._reason(self.audience.purpose) if self.audience.everyone else None
        if self.audience.everyone and base is not None and not given:
            reasons["*"] = base
        belongs = bool(given) or (self.audience.everyone and base is None)
        return (given if belongs else None), reasons

    def _wanted(self) -> dict[tuple[str, str], Purpose]:
        wanted = {
            ("segment", name): tag.purpose
            for name, tag in self.party.segments.items()
            if name in self.audience.segments
        }
        steps = {(STEP, tag.step.name): tag.purpose for name, tag in self.party.segments.items() if tag.step}
        wanted |= {key: purpose for key, purpose in steps.items() if ("segment", _owner(key[1])) in wanted}
        if self.party.status in self.audience.statuses:
            wanted[(STATUS, self.party.status)] = self.audience.purpose
        return wanted

    def _waits(self, key: tuple[str, str]) -> str | None:
        """Why a tag is not heard yet; what is there stays, unless it must come anew to be heard."""
        if not self.audience.starts or key[0] == STATUS:
            return None
        there = self.audience.tags.get(key) in self._there
        tag = self.party.segments[key[1] if key[0] == "segment" else _owner(key[1])]
        if key[0] == STEP:
            return None if there or tag.step is None else tag.step.waits
        if tag.waits is not None:
            return None if there else tag.waits
        anew = tag.released_to is not None and self.audience.destination not in tag.released_to
        return "waiting_baseline" if anew and there else None

    def _closed(self) -> str | None:
        """A reason that closes everything: no address, a suppression, a minor on its own.

        On the telephone only the person's own word counts; whoever has no address is who the list is for.
        """
        if self.audience.channel == "phone":
            return "consent_withdrawn" if DO_NOT_CALL in self.party.causes else None
        for cause in sorted(self.closed | self.party.causes):
            name, _, destination = cause.partition(":")
            if name == DO_NOT_CALL:
                continue
            if not destination or destination == self.audience.destination:
                return name
        if self.party.address is None:
            return "no_address"
        if self.party.minor and not (self.party.guardian_address or self._adults()):
            return "minor_without_guardian"
        if self.party.grown_up and (self.party.guardian_address or any(not adult.grown_up for adult in self._adults())):
            return "no_address"
        return None

    def _adults(self) -> list[Party]:
        """The adults who share the address."""
        others = [other for other in self.active if other.contact != self.party.contact]
        return [other for other in others if other.address == self.party.address and not other.minor]

    def _reason(self, purpose: Purpose) -> str | None:
        found = self._verdict(purpose)
        if found.state == "no":
            return "consent_withdrawn"
        others = [o for o in self.active if o.contact != self.party.contact and self.audience.channel == "email"]
        if any(verdict(o.decisions, purpose).state == "no" for o in others):
            return "household_refusal"
        if covers(self.audience, found, purpose, prospect=self.party.prospect):
            return "unsubscribed" if self._stays_out and self.audience.agreement != "inside" else None
        counts = ("yes_dated", "basis") if self.party.prospect else ("yes_dated",)
        other = any(self._verdict(each).state in counts for each in PURPOSES if each != purpose)
        return "purpose_not_covered" if other else "no_consent"

    def _verdict(self, purpose: Purpose) -> Verdict:
        if purpose not in self._verdicts:
            self._verdicts[purpose] = verdict(self.party.decisions, purpose, self.audience.channel)
        return self._verdicts[purpose]

    def purposes(self, tags: Mapping[tuple[str, str], Purpose]) -> tuple[Purpose, ...]:
        """The purposes of the tags; without a tag the destination's own, for which the contact belongs to it."""
        return tuple(sorted(set(tags.values()) or {self.audience.purpose}))

    def basis(self, purposes: Sequence[Purpose]) -> str:
        """What covers the purposes, for the ledger: consent with its date and evidence, a stated basis, the agreement."""
        return "; ".join(self._basis(purpose) for purpose in purposes)

    def _basis(self, purpose: Purpose) -> str:
        found = self._verdict(purpose)
        words = {"yes_dated": "consent", "yes_undated": "undated consent", "basis": "stated basis"}
        if found.state not in words:
            return f"{purpose}: {self.audience.agreement}"
        dated = f" of {found.decided_on.isoformat()}" if found.decided_on else ""
        return f"{purpose}: {words[found.state]}{dated}" + (f" ({found.evidence})" if found.evidence else "")
