"""The state of the service as Prometheus reads it (text format 0.0.4); names and counts, nothing of a person."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

Labels = tuple[tuple[str, str], ...]
Values = Mapping[Labels, float]

_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_WAITING: Final = (("pending", "that wait to leave"), ("parked", "that were refused"), ("held", "that a brake holds"))


def metrics(status: Mapping[str, Any], at: datetime) -> str:
    """Makes the page from what `status --json` prints."""
    return "".join(f"{line}\n" for part in (_sources, _destinations, _people) for line in part(status, at))


def _sources(status: Mapping[str, Any], at: datetime) -> Iterator[str]:
    sources: Mapping[str, Any] = status["sources"]
    ages = {name: _age(source["data_as_of"], at) for name, source in sources.items() if source["data_as_of"]}
    yield from _gauge("source_data_age_seconds", "Age of a source's newest data.", _by("source", ages))
    stale = {name: source["stale"] for name, source in sources.items()}
    yield from _gauge("source_stale", "1: its data are older than its max_age.", _by("source", stale))
    failing = {name: bool(source["error"]) for name, source in sources.items()}
    yield from _gauge("source_failing", "1: it could not be read.", _by("source", failing))
    yield from _gauge("quarantined_rows", "Rows that could not be used.", _by("source", status["quarantine"]))


def _destinations(status: Mapping[str, Any], _at: datetime) -> Iterator[str]:
    destinations: Mapping[str, Any] = status["destinations"]
    for key, text in _WAITING:
        counts = {name: destination[key] for name, destination in destinations.items()}
        yield from _gauge(f"wishes_{key}", f"Changes {text}.", _by("destination", counts))
    oldest = {name: destination["oldest_pending_s"] or 0 for name, destination in destinations.items()}
    yield from _gauge("oldest_wish_seconds", "Age of the oldest change that waits.", _by("destination", oldest))
    failing = {name: destination["circuit"] == "open" for name, destination in destinations.items()}
    yield from _gauge("destination_failing", "1: it could not be written.", _by("destination", failing))
    withheld: dict[Labels, float] = {
        (("destination", name), ("segment", segment), ("reason", reason)): count
        for name, destination in destinations.items()
        for segment, reasons in destination["withheld"].items()
        for reason, count in reasons.items()
    }
    yield from _gauge("withheld", "Contacts that are not there, and why.", withheld)


def _people(status: Mapping[str, Any], _at: datetime) -> Iterator[str]:
    yield from _gauge("holds", "Brakes that wait for a person.", {(): len(status["holds"])})
    yield from _gauge("contacts", "Contacts by status.", _by("status", status["by_status"]))
    yield from _gauge("segment_members", "Contacts in a segment.", _by("segment", status["by_segment"]))


def _by(label: str, values: Mapping[str, float]) -> Values:
    return {((label, name),): value for name, value in values.items()}


def _gauge(name: str, text: str, values: Values) -> Iterator[str]:
    yield f"# HELP prm_sync_{name} {text}"
    yield f"# TYPE prm_sync_{name} gauge"
    for labels, value in values.items():
        shown = ",".join(f'{key}="{word.translate(_ESCAPES)}"' for key, word in labels)
        yield f"prm_sync_{name}{f'{{{shown}}}' if labels else ''} {float(value):.15g}"


def _age(data_as_of: str, at: datetime) -> int:
    return round((at - datetime.fromisoformat(data_as_of)).total_seconds())
