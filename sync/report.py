"""What a pass did, for people and for --json; and the exit code that it comes to."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sync.exit_codes import ERROR, HELD, NEWLY_STOPPED, OK, ORDER, UNAVAILABLE
from sync.holds import Held
from sync.land import Tally
from sync.landing import Pulled
from sync.push import Pushed
from sync.review import Reviewed


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong with one source or destination; the sentence names what to do."""

    kind: str
    name: str
    code: int
    sentence: str


@dataclass(slots=True)
class Report:
    """One pass."""

    run_id: str
    pulled: dict[str, Pulled] = field(default_factory=dict)
    reviewed: Reviewed = field(default_factory=Reviewed)
    pushed: dict[str, Pushed] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    reads: Counter[str] = field(default_factory=Counter)
    held: list[Held] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    observed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def exit_code(self) -> int:
        """The first of 78, 77, 4, 75, 1, 3, 0 that applies."""
        codes = {trouble.code for trouble in self.troubles}
        if self.held or any(pulled.held for pulled in self.pulled.values()):
            codes.add(HELD)
        if any(pulled.refused for pulled in self.pulled.values()):
            codes.add(ERROR)
        if any(pushed.retried for pushed in self.pushed.values()):
            codes.add(UNAVAILABLE)
        if any(pulled.tally.quarantined for pulled in self.pulled.values()) or any(
            p.refused for p in self.pushed.values()
        ):
            codes.add(NEWLY_STOPPED)
        return next(code for code in ORDER if code in codes or code == OK)

    def _destinations(self) -> list[str]:
        return list(dict.fromkeys([*self.pushed, *self.observed, *self.reads]))

    def _delivered(self, name: str) -> dict[str, int]:
        pushed = self.pushed.get(name) or Pushed()
        counts = {key: getattr(pushed, key) for key in ("sent", "accepted", "refused", "retried", "calls")}
        return {**counts, "reads": pushed.reads + self.reads[name]}

    def to_json(self) -> dict[str, Any]:
        """The pass as `run --json` prints it."""
        pulled = self.pulled.values()
        return {
            "run_id": self.run_id,
            "sources": {name: _rows(p.tally) for name, p in self.pulled.items()},
            "contacts": {
                "created": sum(p.created for p in pulled),
                "updated": self.reviewed.contacts,
                "merged": sum(p.merged for p in pulled),
            },
            "transitions": self.reviewed.transitions,
            "wishes": sum(self.reviewed.wishes.values()),
            "destinations": {name: self._delivered(name) for name in self._destinations()},
            "held": [_hold(hold) for hold in (*self.held, *(h for p in pulled for h in p.held))],
            "refused": [f"{name}: {refusal}" for name, p in self.pulled.items() for refusal in p.refused],
            "troubles": [
                {"kind": t.kind, "name": t.name, "code": t.code, "sentence": t.sentence} for t in self.troubles
            ],
            "seconds": round(self.seconds, 3),
        }


def _rows(tally: Tally) -> dict[str, int]:
    return {
        "read": tally.read,
        "unchanged": tally.unchanged,
        "changed": tally.changed,
        "quarantined": tally.quarantined,
        "ignored": tally.ignored,
        "absent": tally.absent,
    }


def _hold(hold: Held) -> dict[str, Any]:
    return {"id": hold.id, "kind": hold.kind, "name": hold.name, "site": hold.site, "reasons": dict(hold.reasons)}
