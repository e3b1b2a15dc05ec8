"""What a pass says in the log: what is news, once."""

from collections.abc import Sequence
from datetime import datetime
from textwrap import shorten

from sqlalchemy import Engine

from connectors.base import Refusal
from sync.land import ANSWER
from sync.landing import Pulled
from sync.log import say
from sync.report import Report
from sync.store.engine import reading, writing
from sync.store.memos import read_memo, write_memo


def say_pulled(engine: Engine, source: str, pulled: Pulled) -> None:
    """Says what came of a pull: refused, held and older files, quarantined rows, what landed."""
    for refusal in _news(engine, source, pulled.refused):
        say(
            "file.refused",
            "error",
            source=source,
            file=refusal.name,
            line=refusal.line,
            reason=refusal.code,
            next=f"column {refusal.column!r}: {refusal.advice}" if refusal.column else refusal.advice,
        )
    for hold in pulled.held:
        say("file.held", "warning", source=source, hold=hold.id, file=hold.reasons["file"])
    for file in pulled.older:
        say("file.older", "warning", source=source, file=file)
    for file, notice in pulled.notices:
        reason, _, what = notice.partition(": ")
        say("file.notice", source=source, file=file, reason=reason, next=shorten(what, 300) or None)
    tally = pulled.tally
    for (feed, name, code), n in sorted(tally.notices.items()):
        if name == ANSWER:
            say("file.notice", source=source, file=f"{feed} search", reason="server_warns", next=code)
        else:
            say("rows.warned", "warning", source=source, place=f"{feed}.{name}", reason=code, n_rows=n)
    if tally.quarantined:
        say("rows.quarantined", "warning", source=source, n_rows=tally.quarantined)
    if pulled.landed:
        say("source.pulled", source=source, n_read=tally.read, n_changed=tally.changed, n_files=len(pulled.landed))


def _news(engine: Engine, source: str, refused: Sequence[Refusal]) -> list[Refusal]:
    """Refusals that were not told before: a broken file that stays where it was is told once."""
    files = {refusal.name: refusal.code for refusal in refused}
    with reading(engine) as connection:
        told = (read_memo(connection, "refused", source) or {}).get("files", {})
    if files != told:
        with writing(engine) as connection:
            write_memo(connection, "refused", source, {"files": files})
    return [refusal for refusal in refused if told.get(refusal.name) != refusal.code]


def say_unread(engine: Engine, destination: str, at: datetime) -> None:
    """Tells once that opt-outs have not been read for too long; listening forgets it when they are."""
    with reading(engine) as connection:
        told = read_memo(connection, "unread", destination) is not None
    if not told:
        say("feedback.unread", "error", destination=destination)
        with writing(engine) as connection:
            write_memo(connection, "unread", destination, {"at": at.isoformat()})


def say_end(report: Report) -> None:
    """Says what the pass did, in one line."""
    say(
        "run.ended",
        n_read=sum(p.tally.read for p in report.pulled.values()),
        n_changed=sum(p.tally.changed for p in report.pulled.values()),
        n_contacts=report.reviewed.contacts,
        n_transitions=report.reviewed.transitions,
        n_wishes=sum(report.reviewed.wishes.values()),
        n_sent=sum(p.sent for p in report.pushed.values()),
        exit_code=report.exit_code(),
        seconds=round(report.seconds, 3),
    )
