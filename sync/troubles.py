"""What is wrong, as the status says it, each with what to do about it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

OLDEST_WISH_S: Final = 3600
"""A wish that waits longer is a trouble: something keeps it from leaving."""


class Trouble(NamedTuple):
    """A sentence, and the command or act that mends it. `fails`: `status --fail` counts it."""

    sentence: str
    advice: str
    fails: bool = True


def troubles(status: Mapping[str, Any]) -> list[Trouble]:
    """What needs a person, from `status_of`.

    A source that is late or stale, failed, or was never pulled; an export that is not whole; a destination that failed; a refused file; an open hold;
    something parked; a wish older than an hour at a destination that is on. Rows in quarantine that nobody has
    acknowledged are told and do not fail: a practice always has some, and the line goes on.
    """
    found: list[Trouble] = []
    zone = ZoneInfo(status["timezone"])
    for name, source in status["sources"].items():
        found.extend(_of_source(name, source, zone))
    found.extend(Trouble(f"Refused: {sentence}", "the file was left where it was") for sentence in status["refused"])
    for name, destination in status["destinations"].items():
        found.extend(_of_destination(name, destination))
    found.extend(_of_hold(hold) for hold in status["holds"])
    for name, n in status["quarantine"].items():
        if n:
            advice = f"prm-sync quarantine list --source {name}"
            found.append(Trouble(f"{n:,} rows of {name} in quarantine", advice, fails=False))
    return found


def by_the_clock(instant: str | None, zone: ZoneInfo) -> str:
    """An instant of the status as the practice's clock shows it, with the name of its time."""
    return f"{datetime.fromisoformat(instant).astimezone(zone):%Y-%m-%d %H:%M %Z}" if instant is not None else "–"


def _of_source(name: str, source: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Trouble]:
    if source["error"] is not None:
        yield Trouble(f"Source {name} failed: {source['error']}", "prm-sync check --live")
    elif source["last_success"] is None and not source["is_retired"]:
        yield Trouble(f"Source {name} was never pulled", f"prm-sync run --source {name}")
    if source["stale"]:
        yield Trouble(
            f"Source {name} is stale: its newest data are of {by_the_clock(source['data_as_of'], zone)}",
            "see why the EMR exports no more; until then time alone changes nobody",
        )
    yield from _of_deliveries(name, source, zone)
    if source["old_mapping"]:
        yield Trouble(
            f"{source['old_mapping']:,} rows of {name} keep what an earlier configuration read: their files are gone",
            "deliver the files again, or wait until the EMR exports these rows anew",
            fails=False,
        )
    yield from (_of_warning(name, warning) for warning in source["warnings"])


def _of_warning(name: str, warning: Mapping[str, Any]) -> Trouble:
    """An optional value that could not be read; without a field, what a server said of its own answers."""
    if not warning["field"]:
        return Trouble(
            f"The server of {name} warned in {warning['n']:,} answers ({warning['file']}): {warning['code']}",
            "ask its administrator what is left out; suppressed: have this client allowed to see it",
            fails=False,
        )
    what = f"{warning['n']:,} {warning['field']} in {warning['file']} ({name}, {warning['feed']}): "
    if warning["code"] == "garbled_text":
        return Trouble(
            f"{what}garbled, as of a text read in the wrong encoding; kept as they came",
            "state the export's true encoding under encoding: at the source, or correct them in the EMR",
            fails=False,
        )
    return Trouble(
        f"{what}{warning['code'].replace('_', ' ')}, left out; the rows landed",
        "correct it in the EMR, or state its format under columns: in the config",
        fails=False,
    )


def _of_deliveries(name: str, source: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Trouble]:
    """What came late, incomplete, or with an unusual number of rows; the last is told and does not fail."""
    if source["late"]:
        feeds = ", ".join(source["late"]["feeds"])
        yield Trouble(
            f"Source {name} is late: no export of {feeds} by {by_the_clock(source['late']['due'], zone)}",
            "see whether the EMR's export has run and where its files are; days off belong under expected: skip: or holidays:",
        )
    for sentence in source["incomplete"]:
        yield Trouble(
            f"An export of {name} is not whole. {sentence}",
            "have the missing table exported; one that never comes does not belong under sets: together:",
        )
    for each in source["unusual"]:
        where = f"{each['feed']}, {each['site']}" if each["site"] else each["feed"]
        yield Trouble(
            f"The last export of {name} ({where}) had {each['rows']:,} rows; usual on this weekday are {each['usual']:,}",
            "see whether the EMR exported all of it",
            fails=False,
        )


def _of_destination(name: str, destination: Mapping[str, Any]) -> Iterator[Trouble]:
    if destination["error"] is not None:
        yield Trouble(f"Destination {name} failed: {destination['error']}", "prm-sync check --live")
    if destination["parked"]:
        yield Trouble(
            f"{name} refused {destination['parked']:,} subscribers",
            f"prm-sync outbox list --destination {name}, then outbox retry or drop",
        )
    oldest = destination["oldest_pending_s"]
    if destination["mode"] == "on" and oldest is not None and oldest > OLDEST_WISH_S:
        yield Trouble(f"{name} waits for {destination['pending']:,} changes since {oldest // 60:,} min", "prm-sync run")


def _of_hold(hold: Mapping[str, Any]) -> Trouble:
    where = f"{hold['name']} at {hold['site']}" if hold["site"] else hold["name"]
    advice = f"prm-sync apply {hold['id']}, or: prm-sync discard {hold['id']}"
    return Trouble(f"Hold {hold['id']} on {hold['kind']} {where}: {hold_reasons(hold)}", advice)


def hold_reasons(hold: Mapping[str, Any]) -> str:
    """Why a brake holds something, in words."""
    reasons = hold["reasons"]
    if hold["kind"] == "source":
        codes = ", ".join(code.replace("_", " ") for code in reasons["codes"])
        return f"{reasons['file']}: {codes} ({reasons['rows']:,} rows, {reasons['before']:,} before)"
    return ", ".join(
        f"{count['count']:,} {kind.replace('_', ' ')} of {count['of']:,} subscribers" for kind, count in reasons.items()
    )
