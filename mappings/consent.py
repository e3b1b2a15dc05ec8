"""What a person's decisions come to: one verdict a purpose, decided by dates."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple, get_args

from mappings.records import Channel, Purpose

PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)


class Decision(NamedTuple):
    """One decision of a person as a source states it.

    `basis`: a lead list's stated basis, no decision of the person's own. `asserted` is False once the source no
    longer states it; then only a dated no goes on counting. `as_lead`: stated by a `role: leads` source.
    `address` is the address the decision is about, None where it is about the person.
    """

    channel: Channel
    purpose: Purpose
    decision: Literal["yes", "no"]
    decided_on: date | None
    basis: bool
    evidence: str | None
    first_seen_on: date
    asserted: bool
    as_lead: bool
    address: str | None


class Verdict(NamedTuple):
    """Where a person stands for one purpose: no, a dated or undated yes, a stated basis, or none of these."""

    state: Literal["no", "yes_dated", "yes_undated", "basis", "none"]
    decided_on: date | None = None
    evidence: str | None = None


def verdict(decisions: Iterable[Decision], purpose: Purpose, channel: Channel = "email") -> Verdict:
    """The latest dated decision wins, a no on the same day; an undated yes never beats a no.

    An undated no counts as of the day on which it was first seen. Of several noes in force a dated one speaks; of
    yeses without a date the stated basis does, which covers no less.
    """
    about = [d for d in decisions if d.channel == channel and d.purpose == purpose]
    noes = [d for d in about if d.decision == "no" and (d.asserted or d.decided_on is not None)]
    yeses = [d for d in about if d.decision == "yes" and d.asserted]
    dated = max((d for d in yeses if d.decided_on is not None and not d.basis), key=_rank, default=None)
    in_force = [d for d in noes if dated is None or _day(d) >= _day(dated)]
    if in_force:
        no = max(in_force, key=lambda d: (d.decided_on is not None, *_rank(d)))
        return Verdict("no", no.decided_on, no.evidence)
    if dated is not None:
        return Verdict("yes_dated", dated.decided_on, dated.evidence)
    stated = min(yeses, key=lambda d: (not d.basis, *_rank(d)), default=None)
    if stated is None:
        return Verdict("none")
    return Verdict("basis" if stated.basis else "yes_undated", None, stated.evidence)


def _day(decision: Decision) -> date:
    return decision.decided_on or decision.first_seen_on


def _rank(decision: Decision) -> tuple[date, str]:
    return _day(decision), decision.evidence or ""


def about(decisions: Iterable[Decision], address: str | None) -> list[Decision]:
    """The decisions that count for a person at a mailing address: a yes about another address carries nothing to it."""
    return [d for d in decisions if d.address in (None, address) or d.decision == "no"]


def reopens(decisions: Sequence[Decision], closed_on: date, today: date) -> bool:
    """True if a dated opt-in with evidence, given after the day on which something closed, is in force.

    The same day does not do, for then a no wins; nor does a day that has not come yet.
    """
    found = (verdict(decisions, purpose) for purpose in PURPOSES)
    days = [v.decided_on for v in found if v.state == "yes_dated" and v.evidence]
    return any(day is not None and closed_on < day <= today for day in days)


def withdrawn_all(decisions: Sequence[Decision]) -> bool:
    """True after a dated withdrawal of every e-mail purpose: that is the person's opt-out."""
    if not decisions:
        return False
    found = [verdict(decisions, purpose) for purpose in PURPOSES]
    return all(v.state == "no" and v.decided_on is not None for v in found)
