"""What a server's answers have shown, kept for a day so that it is not asked in vain at each run."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Final

from connectors.base import Memo
from connectors.fhir_search.query import Traits

_KEPT: Final = timedelta(days=1)


def recalled(memo: Memo, resource: str, at: datetime) -> Traits:
    """What is known of a type."""
    held = memo.get(_key(resource))
    if held is None or not timedelta() <= at - datetime.fromisoformat(held["at"]) < _KEPT:
        return Traits()
    return Traits(**{name: bool(held.get(name)) for name in asdict(Traits())})


def keep(memo: Memo, resource: str, traits: Traits, at: datetime) -> None:
    """Keeps what was found; that which was known already keeps its age."""
    if traits != recalled(memo, resource, at):
        memo.put(_key(resource), {"at": at.isoformat(), **asdict(traits)})


def refused(traits: Traits, *, sorted_: bool, filtered: bool) -> Traits | None:
    """What to leave out next after a refusal: the order, then the filter; None when nothing is left to leave out."""
    if sorted_ and not traits.unsorted:
        return replace(traits, unsorted=True)
    return replace(traits, refuses=True) if filtered and not traits.refuses else None


def _key(resource: str) -> str:
    return f"traits:{resource}"
