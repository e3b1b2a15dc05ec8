"""One contact decided: status, facts, segments, and the next instant at which time alone can change any of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from mappings.facts import Facts, FactValue
from sync.addresses import Reach
from sync.clock import midnight
from sync.criteria import Criteria
from sync.due import Due, Wait
from sync.facts import Beside, facts_of
from sync.lifecycle import Judgement, judge
from sync.person import Person, Stored
from sync.segments import Changes, Context, Membership, fell_due
from sync.segments import decide as decide_segments
from sync.series import step_at
from sync.turns import coming_of_age

MOST_STEPS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store knows of a contact beside its rows.

    `data_at`: its data changed last · `reviewed_at`, `due_at`: the last review, and when the next was due.
    """

    stored: Stored
    reach: Reach
    household_size: int
    memberships: Mapping[str, Membership]
    data_at: datetime
    reviewed_at: datetime | None
    due_at: datetime | None
    nudged_at: datetime | None = None


class Decided(NamedTuple):
    """What a review found of a contact. `memberships` are those it has now."""

    judgement: Judgement
    facts: Facts
    changes: Changes
    memberships: Mapping[str, Membership]
    reach: Reach
    household_size: int
    next_review_at: datetime | None
    waits: tuple[Wait, ...]


def decide(criteria: Criteria, person: Person, judgement: Judgement, known: Known) -> Decided:
    """Decides one contact at the review's instant."""
    facts = _facts(criteria, person, judgement, known)
    days = {
        name: held.since.astimezone(criteria.zone_of(judgement.site)).date() for name, held in known.memberships.items()
    }
    verdicts = criteria.ruleset.verdicts(facts, days)
    context = _context(criteria, person, judgement, known, verdicts)
    changes = decide_segments(known.memberships, verdicts, context)
    seen = criteria.ruleset.seen(facts, days, verdicts)
    memberships = _memberships(known.memberships, changes)
    next_review_at, waits = _next(criteria, judgement, seen, memberships)
    return Decided(
        judgement=judgement,
        facts=seen,
        changes=changes,
        memberships=memberships,
        reach=known.reach,
        household_size=known.household_size,
        next_review_at=next_review_at,
        waits=waits,
    )


def _memberships(before: Mapping[str, Membership], changes: Changes) -> dict[str, Membership]:
    kept = {name: held for name, held in before.items() if name not in changes.left}
    new = {e.segment: Membership(e.due_at, e.entered_by, e.rule_version, e.since) for e in changes.entered}
    return kept | new


def _facts(criteria: Criteria, person: Person, judgement: Judgement, known: Known) -> dict[str, FactValue]:
    stored = known.stored
    since = stored.status_since if stored.status == judgement.status else None
    zone = criteria.zone_of(judgement.site)
    beside = Beside(
        household_size=known.household_size,
        email_status=known.reach.email_status,
        has_email=known.reach.address is not None,
        brand=criteria.brands.get(judgement.site or ""),
        status_since=since.astimezone(zone).date() if since is not None else None,
        last_nudged=known.nudged_at.astimezone(zone).date() if known.nudged_at is not None else None,
    )
    return facts_of(person, judgement, criteria.world, beside)


def _context(
    criteria: Criteria, person: Person, judgement: Judgement, known: Known, verdicts: Mapping[str, bool]
) -> Context:
    entering = any(holds and name not in known.memberships for name, holds in verdicts.items())
    return Context(
        at=criteria.at,
        data_at=criteria.at,
        fresh_for=criteria.fresh_for,
        versions={name: terms.version for name, terms in criteria.segments.items()},
        due=_fell_due(criteria, person, known) if entering else {},
        newcomer=_is_newcomer(criteria, person, judgement, known),
        added=criteria.added,
        edited=criteria.edited,
    )


def _is_newcomer(criteria: Criteria, person: Person, judgement: Judgement, known: Known) -> bool:
    if judgement.site in criteria.new_sites:
        return True
    if any(places.hold(person.rows, judgement.site) for places in (criteria.observed, criteria.switched)):
        return True  # what came about unseen by the destinations must not be loud once they see it
    if known.reviewed_at is not None and known.stored.status is None:
        return True  # parted again from the contact that had absorbed it: nothing has happened to the person
    return any(row.source in criteria.newcomers for row in person.rows)


def _fell_due(criteria: Criteria, person: Person, known: Known) -> dict[str, datetime]:
    """Since when memberships hold that are found late: walks the instants between what was seen last and now."""
    instant = _unseen_since(criteria, person, known)
    if instant is None or criteria.at - instant <= criteria.fresh_for:
        return {}
    history: list[tuple[datetime, Mapping[str, bool]]] = []
    for _ in range(MOST_STEPS):
        if instant is None or instant > criteria.at:
            break
        judgement = judge(person, criteria.world, instant)
        facts = _facts(criteria, person, judgement, known)
        history.append((instant, criteria.ruleset.verdicts(facts, {})))
        instant, _ = _next(criteria, judgement, facts, {})
    return fell_due(history)


def _unseen_since(criteria: Criteria, person: Person, known: Known) -> datetime | None:
    """Where the contact's clock stood at the last complete review or, where its data are new, as of when they were.

    A clinic whose feed was dead comes back at once, and so does a practice whose daemon was down: what fell due
    meanwhile is late, whatever else of the contact has changed since.
    """
    if known.reviewed_at is None:
        return None
    fresh, last = known.data_at > known.reviewed_at, criteria.last
    if last is None:
        return None if fresh else known.reviewed_at
    stood = [last.at]
    for source in {row.source for row in person.rows}:
        feed, seen = criteria.world.feeds.get(source), last.data_as_of.get(source)
        if feed is None or seen is None or feed.data_as_of is None or feed.data_as_of <= seen:
            continue
        if fresh:
            stood.append(seen)
        elif feed.max_age is not None:
            stood.append(seen + feed.max_age)
    return min(stood)


def _next(
    criteria: Criteria, judgement: Judgement, facts: Facts, memberships: Mapping[str, Membership]
) -> tuple[datetime | None, tuple[Wait, ...]]:
    due = Due.of(judgement)
    zone = criteria.zone_of(judgement.site)
    for day in coming_of_age(facts):  # addresses hang on it, whatever the rules say
        due.add(midnight(day, zone))
    for compiled in criteria.ruleset.rules.values():
        for day in compiled.flips(facts):
            due.add(midnight(day, zone))
    for name, held in memberships.items():
        manner = criteria.segments[name].manner
        if manner.steps:
            step = step_at(manner, held.since.astimezone(zone).date(), facts, zone)
            if step.next_at is not None:
                due.add(step.next_at)
    return due.next_change_at, due.waits
