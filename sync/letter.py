"""The accounting of disclosures as a letter to the person (45 CFR 164.528): date, recipient, what, and what for."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from operator import itemgetter
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

_PURPOSES: Final = {
    "treatment": "your treatment",
    "operations": "the practice's operations",
    "marketing": "news and offers that you agreed to",
    "erasure": "erasing what was held about you, at your request",
}


class Sender(NamedTuple):
    """Who writes, when, and where the clock is read."""

    practice: str
    today: date
    zone: ZoneInfo


def letter(sender: Sender, contact: str, disclosures: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yields the letter's lines; the person's name and address are left for the privacy officer to fill in."""
    yield from (sender.practice, f"{sender.today:%B} {sender.today.day}, {sender.today.year}", "")
    yield from ("To: ______________________________", f"Our reference: {contact}", "")
    yield from (
        "Accounting of disclosures",
        "",
        "You asked to whom we disclosed information about you. Our records show:",
        "",
    )
    n = 0
    for n, told in enumerate(disclosures, start=1):
        yield from _entry(n, told, sender.zone)
    if not n:
        yield from ("We have disclosed nothing about you to anybody.", "")
    yield from (
        "If you have questions about this list, please ask our privacy officer.",
        "",
        "______________________________",
    )


def _entry(number: int, told: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    day = datetime.fromisoformat(told["at"]).astimezone(zone)
    sure = "" if told["outcome"] == "accepted" else " (sent; whether it arrived is not known)"
    purposes = [word.strip() for word in told["purpose"].split(",") if word.strip()]
    why = " and ".join(_PURPOSES.get(word, word) for word in purposes) or "keeping the list true"
    yield f"{number}. {day:%B} {day.day}, {day.year}, to {told['recipient']}{sure}"
    yield f"   What: {'; '.join(_what(told)) or 'that you are on its list'}"
    yield f"   Purpose: {why}"
    yield from [f"   Basis: {told['basis']}", ""] if told["basis"] else [""]


def _what(told: Mapping[str, Any]) -> Iterator[str]:
    if told["fields"]:
        yield "the fields " + ", ".join(told["fields"])
    for how, tags in (("that you belong to", told["added"]), ("that you no longer belong to", told["removed"])):
        if tags:
            yield f"{how} " + ", ".join(
                _named(tag, meaning) for tag, meaning in sorted(tags.items(), key=itemgetter(1))
            )


def _named(tag: str, meaning: str) -> str:
    kind, _, name = meaning.partition(":")
    plain = f"{kind} “{name}”" if name else f"“{meaning}”"
    return plain if tag in (name, meaning) else f"{plain} (as the code {tag})"
