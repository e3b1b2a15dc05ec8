"""Worklists as a destination: written whole, one workbook a site; what was typed in is read before."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from connectors.base import Capabilities, Feedback, FeedbackPage, Finding, Json, Lent, ListEntry, Unavailable
from connectors.settings import Surroundings
from connectors.traffic import Traffic
from connectors.worklist.answers import AnswerWord, Taken, rests, unread, word
from connectors.worklist.columns import SEGMENTS, header, told
from connectors.worklist.settings import SITE, WorklistSettings
from connectors.worklist.workbook import Contents, Row, is_open, put, read

_NO_SITE: Final = "no-site"
_TAKEN: Final = "worklist:taken"
_SITES: Final = "worklist:sites"


class _Written(NamedTuple):
    """Whether a workbook changed, and whose answers stand in it now."""

    changed: bool
    typed: frozenset[str]


class Worklist:
    """Writes who is to be called; see `connectors.base.ListDestination`. A typed answer is never lost.

    Rows that hold an answer not yet read stay as they are. A workbook that is open, or was saved while a new one was
    made, is left alone until the next time.
    """

    settings_model: ClassVar[type[WorklistSettings]] = WorklistSettings
    capabilities = Capabilities(unit="contact", whole_files=True, channel="phone", reads_answers=True)

    def __init__(
        self,
        name: str,
        settings: WorklistSettings,
        surroundings: Surroundings,
        lent: Lent,
    ) -> None:
        self.name = name
        self.traffic = Traffic()
        self.not_reached_by = settings.only.not_reached_by
        self._folder, self._fields, self._memo = settings.folder, settings.fields, lent.memo
        self._known_sites = [*surroundings.site_zones, _NO_SITE]
        self._phones = [place for place, field in enumerate(settings.fields.values()) if field == "phone"]

    def preflight(self) -> Sequence[str]:
        """Says what keeps the workbooks from being written."""
        return [finding.hint for finding in self._found() if not finding.ok]

    def probe(self, at: datetime) -> Iterator[Finding]:  # noqa: ARG002  all connectors are tried alike
        """Says whether the folder can be written, or made; makes nothing."""
        yield from self._found()

    def _found(self) -> Iterator[Finding]:
        folder = Path(str(self._folder).partition(SITE)[0]) if SITE in str(self._folder) else self._folder
        near = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if near.is_dir() and os.access(near, os.W_OK | os.X_OK):
            yield Finding("folder", ok=True, hint=f"{near} can be written")
        else:
            hint = f"this user may not write in {near}; mend its permissions"
            yield Finding("folder", ok=False, hint=hint, cause="system")

    # ------------------------------------------------------------ reading

    def feedback(self, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]:
        """Yields answers that were typed in since the last reading, each once, in one page; `address` is the contact."""
        taken = self._taken()
        new: dict[str, Taken] = {}
        for path in sorted({self._path(site) for site in self._sites()}):
            contents = self._read(path)
            for contact, text in unread(contents.typed() if contents else {}, taken).items():
                answer = word(text)
                if contents is not None and answer is not None:
                    new[contact] = self._take(contents, contact, answer, at)
        items = [Feedback(address=contact, ref=None, state=each.answer, at=at) for contact, each in sorted(new.items())]
        yield FeedbackPage(items=items, cursor=cursor or {}, complete=True)
        if new:
            self._keep(taken | new)

    def _take(self, contents: Contents, contact: str, answer: AnswerWord, at: datetime) -> Taken:
        held = contents.row_of(contact)
        lists = tuple(held.get(SEGMENTS, "").split(", "))
        phone = self._phone([held.get(name, "") for name in self._fields])
        return Taken(answer=answer, at=at.isoformat(), lists=lists, phone=phone)

    # ------------------------------------------------------------ writing

    def write(self, entries: Iterable[ListEntry], at: datetime) -> int:
        """Writes the workbooks that changed and returns how many; raises Unavailable.

        A site without entries keeps an empty workbook where it has had one.
        """
        taken, present = self._taken(), set[str]()
        rows: dict[Path, list[Row]] = defaultdict(list)
        sites = set(self._sites())
        for entry in entries:
            present.add(entry.contact)
            sites.add(self._site(entry.site))
            if not self._rests(entry, taken.get(entry.contact), at):
                rows[self._path(self._site(entry.site))].append(_row(entry))
        paths = sorted({self._path(site) for site in sites})
        written = [self._write(path, rows.get(path, []), taken) for path in paths]
        still = {contact for file in written for contact in file.typed}
        self._memo.put(_SITES, {"sites": sorted(sites)})
        self._keep({c: replace(t, gone=c not in still) for c, t in taken.items() if c in present or c in still})
        return sum(file.changed for file in written)

    def _rests(self, entry: ListEntry, taken: Taken | None, at: datetime) -> bool:
        lists = tuple(sorted(entry.segments))
        return taken is not None and rests(taken, at, lists, self._phone(entry.values))

    def _write(self, path: Path, wanted: Sequence[Row], taken: Mapping[str, Taken]) -> _Written:
        """Writes one workbook, with what stands unread in its answer cells; leaves one that is open as it is."""
        before = self._read(path)
        typed = before.typed() if before is not None else {}
        if is_open(path) or (before is None and not wanted):
            return _Written(False, frozenset(typed))
        kept = unread(typed, taken)
        table = [header(self._fields), *sorted(self._with(kept, wanted, before), key=_order)]
        try:
            done = put(path, table, before)
        except OSError as error:
            raise Unavailable(f"{path} cannot be written ({error.strerror})") from None
        return _Written(done is True, frozenset(typed if done is None else kept))

    def _with(self, kept: Mapping[str, str], wanted: Sequence[Row], before: Contents | None) -> Iterator[Row]:
        """Rows as wished, each with its unread answer; of who is to go and has one, the row as it was."""
        there = {row[0] for row in wanted}
        yield from ((*row[:-1], kept.get(row[0], "")) for row in wanted)
        for contact in sorted(kept.keys() - there):
            held = before.row_of(contact) if before is not None else {}
            yield tuple(held.get(name, "") for name in header(self._fields))

    # ------------------------------------------------------------ what is kept, and where

    def _read(self, path: Path) -> Contents | None:
        self.traffic.count("GET")
        return read(path)

    def _taken(self) -> dict[str, Taken]:
        return {contact: Taken.of(stored) for contact, stored in (self._memo.get(_TAKEN) or {}).items()}

    def _keep(self, taken: Mapping[str, Taken]) -> None:
        self._memo.put(_TAKEN, {contact: each.stored() for contact, each in taken.items()})

    def _sites(self) -> list[str]:
        return list((self._memo.get(_SITES) or {}).get("sites", ()))

    def _site(self, site: str | None) -> str:
        return site if site in self._known_sites and site is not None else _NO_SITE

    def _path(self, site: str) -> Path:
        return Path(str(self._folder).replace(SITE, site)) / f"{self.name}.xlsx"

    def _phone(self, values: Sequence[str]) -> str:
        return " ".join(values[place] for place in self._phones)


def _row(entry: ListEntry) -> Row:
    reason, step = told(entry.reason)
    return (entry.contact, *entry.values, ", ".join(sorted(entry.segments)), reason, step, "")


def _order(row: Row) -> tuple[str, ...]:
    """By list, then by what stands in the columns; the contact's id decides last."""
    return (row[-4], *row[1:-4], row[0])
