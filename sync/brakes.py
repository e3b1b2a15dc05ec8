"""When changes or a file wait for a person: counts that exceed both a number and a share."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from connectors.base import Proof, SnapshotRule

# ---------------------------------------------------------------- deliveries

BrakeKind = Literal["removals", "status_changes", "entries", "new_members"]
Ground = Literal["rule", "consent", "withdrawal", "suppression"]
"""Why a subscriber leaves or loses a tag; only what a rule causes is ever held."""


class Limit(NamedTuple):
    """A brake trips when the count is over `number` and over `share` (0 to 1) of the audience."""

    number: int = 25
    share: float = 0.05


class Limits(NamedTuple):
    """One limit a kind; None takes the brake off."""

    removals: Limit | None = Limit(25, 0.05)
    status_changes: Limit | None = Limit(25, 0.20)
    entries: Limit | None = Limit(25, 0.20)
    new_members: Limit | None = Limit(25, 1.0)

    def of(self, kind: BrakeKind) -> Limit | None:
        """The limit of one kind."""
        limit: Limit | None = getattr(self, kind)
        return limit


class Audience(NamedTuple):
    """One site's share of one destination; None is the contacts without a site."""

    destination: str
    site: str | None


class Move(NamedTuple):
    """What a review changes for one subscriber, as far as brakes care.

    removed: leaves the audience or loses a segment's tag (`ground` says why) · status_changed: a transition that the
    destination would see · first_status: the contact had none before · entries: loud ones · joins: becomes a member ·
    baseline: found in the first complete review of its source, site, segment, rule or destination.
    """

    audience: Audience
    removed: bool = False
    ground: Ground = "rule"
    status_changed: bool = False
    first_status: bool = False
    entries: int = 0
    joins: bool = False
    baseline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A brake that tripped: what was counted, of how many members, against which limit."""

    audience: Audience
    kind: BrakeKind
    count: int
    members: int
    limit: Limit


def counted(move: Move) -> tuple[BrakeKind, ...]:
    """The kinds under which a move counts. Removals for consent, withdrawals and suppressions never do."""
    kinds: list[BrakeKind] = []
    if move.removed and move.ground == "rule" and not move.baseline:
        kinds.append("removals")
    if move.status_changed and not move.first_status and not move.baseline:
        kinds.append("status_changes")
    if move.entries and not move.baseline:
        kinds.append("entries")
    if move.joins and not move.baseline:
        kinds.append("new_members")
    return tuple(kinds)


def tripped(moves: Iterable[Move], members: Mapping[Audience, int], limits: Limits) -> list[Trip]:
    """The brakes that trip, in a stable order. `members` counts what each audience held before.

    A destination's first push passes: an audience without members before is never held.
    """
    counts = Counter((move.audience, kind) for move in moves for kind in counted(move))
    trips = []
    for (audience, kind), count in counts.items():
        limit, size = limits.of(kind), members.get(audience, 0)
        if limit is not None and size and exceeds(count, size, limit):
            trips.append(Trip(audience=audience, kind=kind, count=count, members=size, limit=limit))
    return sorted(trips, key=lambda trip: (trip.audience.destination, trip.audience.site or "", trip.kind))


def exceeds(count: int, of: int, limit: Limit) -> bool:
    """True if `count` is over both the number and the share of `of`."""
    return count > limit.number and count > limit.share * of


# ---------------------------------------------------------------- sources

SourceCode = Literal["emptied", "shrank", "lost_site", "few_rows", "header_changed"]

WHOLE: Final[frozenset[SnapshotRule]] = frozenset({"full", "window"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFacts:
    """What the feed's last landed pass was like; the names are those of its Proof."""

    rows: int
    header: str = ""
    sites: Mapping[str, int] = field(default_factory=dict)


def source_verdict(
    previous: FeedFacts | None, proof: Proof, min_rows_share: float = 0.5, *, snapshot: SnapshotRule = "full"
) -> Sequence[SourceCode]:
    """Why a pass must be held, in the order in which to tell it; empty when it may land.

    A first pass (`previous` None) has nothing to be compared with. Where a row that is not in the pass counts as
    absent, few rows are a danger: a pass of `min_rows_share` of the rows before, or fewer, is held (so a halved one
    is), and one in which a site has no row any more. A changed header is held in any case.
    """
    if previous is None:
        return ()
    codes: list[SourceCode] = []
    if snapshot in WHOLE:
        if not proof.rows and previous.rows:
            codes.append("emptied")
        elif proof.rows < previous.rows and proof.rows <= min_rows_share * previous.rows:
            codes.append("shrank")
        if proof.rows and any(rows and not proof.sites.get(site) for site, rows in previous.sites.items()):
            codes.append("lost_site")
    if previous.header and proof.header and proof.header != previous.header:
        codes.append("header_changed")
    return tuple(codes)
