"""A column map proposed for an unknown table: from its titles and from what its values look like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from mappings.canonical import CANONICAL, REQUIRED, Type
from mappings.cells import Formats
from mappings.column_shape import MOST, ColumnShape, shape_of
from mappings.header_words import CLINIC, END_OF_DAY, TIME_OF_DAY, TITLES, plain, rank, speaks_of_consent
from mappings.records import Kind, VisitStatus
from mappings.words import read_language, read_status

Certainty = Literal["sure", "ambiguous"]

# What these usually mean; the operator sees the map and may change it.
LIKELY: Final[dict[str, VisitStatus]] = {
    "seen": "fulfilled", "attended": "fulfilled", "kept": "fulfilled", "complete": "fulfilled", "done": "fulfilled",
    "closed": "fulfilled", "checkout": "fulfilled", "checkin": "arrived", "insession": "arrived", "inprogress": "arrived",
    "late": "arrived", "active": "booked", "open": "booked", "pending": "proposed", "requested": "proposed",
    "tentative": "proposed", "waitlist": "proposed", "inactive": "cancelled", "cancel": "cancelled", "cxl": "cancelled",
    "latecancel": "cancelled", "latecancelled": "cancelled", "latecanceled": "cancelled", "rescheduled": "cancelled",
    "deleted": "cancelled", "missed": "noshow", "noshownocall": "noshow", "dns": "noshow",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One canonical name and the column that it should come from.

    `why` gives forms and counts, `instead` names other columns; `codes` holds words of closed lists only, `unlisted`
    counts different words that are in none. A suggestion that is "ambiguous" is for a person to decide.
    """

    name: str
    column: str
    why: str
    certainty: Certainty = "sure"
    formats: Formats = ()
    other_formats: Formats = ()
    time: str | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    unlisted: int = 0
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a table seems to be, its columns by canonical name, and what is left for a person.

    `lacking` are required names without a column; `clinic` and `consents` columns that settings beside `columns:` read;
    `unread` columns that nothing reads.
    """

    kind: Kind
    suggestions: tuple[Suggestion, ...]
    lacking: tuple[str, ...]
    clinic: str | None
    consents: tuple[str, ...]
    unread: tuple[str, ...]


def kind_of(titles: Sequence[str]) -> Kind:
    """What a table's rows are: the kind whose names its titles speak of most, appointments before episodes."""
    words = {plain(title) for title in titles}
    found = {kind: sum(bool(words & set(TITLES[kind][name])) for name in names) for kind, names in _TELLING.items()}
    best: Kind = max(found, key=lambda kind: found[kind])
    return best if found[best] >= 2 else "patients"


_TELLING: Final[dict[Kind, tuple[str, ...]]] = {
    "patients": ("given_name", "family_name", "full_name", "birth_date", "email", "phone", "lead_source"),
    "appointments": ("patient_id", "starts_at", "status", "provider"),
    "episodes": ("patient_id", "started_on", "discharged_on", "discharge_reason", "visits_prescribed"),
}


def has_titles(row: ColumnShape, titles: Sequence[str]) -> bool:
    """True when a first row is one of titles: some are known, and nothing in it looks like a person's value.

    Without this a file without titles would show its first person in place of them.
    """
    personal = any(row.forms[form] for form in ("email", "phone", "iso", "flag", "float", "scientific", "serial"))
    known = any(rank(title, kind, name) is not None for title in titles for kind in TITLES for name in TITLES[kind])
    dated = any(shape_of("", [title], "US").is_date for title in titles if title)
    return known and not personal and not dated


def propose(shapes: Sequence[ColumnShape], kind: Kind) -> Proposal:
    """Proposes a map; a column feeds one name only, and each name takes the likeliest column left."""
    free = {shape.title: shape for shape in shapes if shape.title}
    suggestions = []
    for name in _order(kind):
        found = _candidates(free, kind, name)
        if found:
            suggestion = _suggestion(found[0], name, kind, found[1:], free)
            suggestions.append(suggestion)
            for title in (suggestion.column, suggestion.time):
                free.pop(title or "", None)
    named = {suggestion.name for suggestion in suggestions if suggestion.certainty == "sure"}
    clinic = next((title for title in free if plain(title) in CLINIC), None)
    consents = tuple(title for title in free if speaks_of_consent(title)) if kind == "patients" else ()
    return Proposal(
        kind=kind,
        suggestions=tuple(suggestions),
        lacking=tuple(name for name in REQUIRED[kind] if name not in named),
        clinic=clinic,
        consents=consents,
        unread=tuple(title for title in free if title != clinic and title not in consents),
    )


def _order(kind: Kind) -> list[str]:
    """Names with telling forms first, so that a title of many meanings is left for them."""
    names = [name for name in TITLES[kind] if name not in REQUIRED[kind]]
    return [*REQUIRED[kind], *names]


def _candidates(free: Mapping[str, ColumnShape], kind: Kind, name: str) -> list[ColumnShape]:
    ranked = [(place, shape) for shape in free.values() if (place := rank(shape.title, kind, name)) is not None]
    fitting = [pair for pair in ranked if not _contradicts(pair[1], CANONICAL[kind][name])]
    return [shape for _, shape in sorted(fitting, key=lambda pair: (pair[1].filled == 0, pair[0]))]


def _contradicts(shape: ColumnShape, kind: Type) -> bool:
    """True when the values cannot be what the title says: "Discharged" full of yes and no is no day."""
    if not shape.filled:
        return False
    if kind in ("day", "birth_day", "moment"):
        return not shape.is_date and (shape.mostly("flag") or shape.mostly("time"))
    if kind == "email":
        return shape.forms["email"] == 0
    if kind == "phone":
        return shape.forms["phone"] == 0
    if kind in ("active", "death"):
        return not (shape.mostly("flag") or shape.is_date or _words(shape) <= {"active", "inactive"})
    return False


def _words(shape: ColumnShape) -> set[str]:
    return {word.casefold() for word in shape.words}


def _suggestion(
    shape: ColumnShape, name: str, kind: Kind, others: Sequence[ColumnShape], free: Mapping[str, ColumnShape]
) -> Suggestion:
    type_ = CANONICAL[kind][name]
    instead = tuple(other.title for other in others)
    if type_ in ("day", "birth_day", "moment"):
        return _dated(shape, name, instead, _time_of_day(shape, name, free))
    codes, unlisted = _codes(shape) if type_ == "status" else ({}, 0)
    doubt = _doubt(shape, name, type_)
    return Suggestion(
        name=name,
        column=shape.title,
        why=_why(shape, type_) + doubt,
        certainty="ambiguous" if doubt else "sure",
        codes=codes,
        unlisted=unlisted,
        instead=instead,
    )


def _doubt(shape: ColumnShape, name: str, kind: Type) -> str:
    """Why a person must look at the column first; "" for no reason."""
    if kind == "id" and shape.forms["scientific"]:
        return "; a spreadsheet has cut ids down to their leading digits: export it again, as text"
    if name == "external_id" and shape.filled and shape.different < 0.5 * shape.filled:
        return "; most ids stand there more than once, so it may name something else"
    if kind == "language" and any(not _reads_language(word) for word in shape.words):
        return "; some words are no language that is known here"
    return ""


def _reads_language(word: str) -> bool:
    try:
        read_language(word)
    except ValueError:
        return False
    return True


def _time_of_day(shape: ColumnShape, name: str, free: Mapping[str, ColumnShape]) -> ColumnShape | None:
    titles = {"starts_at": TIME_OF_DAY, "ends_at": END_OF_DAY}.get(name, ())
    others = (other for title, other in free.items() if title != shape.title and plain(title) in titles)
    return next((other for other in others if other.mostly("time")), None)


def _dated(shape: ColumnShape, name: str, instead: tuple[str, ...], time: ColumnShape | None) -> Suggestion:
    short = any("%y" in pattern for pattern in shape.dates)
    unclear = bool(shape.other) or short or not (shape.is_date or not shape.filled)
    return Suggestion(
        name=name,
        column=shape.title,
        why=_why(shape, "day") + ("; years of two digits: of which century?" if short else ""),
        certainty="ambiguous" if unclear else "sure",
        formats=_with_time(shape, time),
        other_formats=shape.other,
        time=time.title if time is not None else None,
        instead=instead,
    )


def _with_time(shape: ColumnShape, time: ColumnShape | None) -> Formats:
    if time is None or not shape.filled:
        return shape.dates
    clocks = time.times or ("%H:%M",)
    return tuple(f"{day} {clocks[0]}" for day in (shape.dates or ("%Y-%m-%d",)))


def _codes(shape: ColumnShape) -> tuple[dict[str, str], int]:
    codes: dict[str, str] = {}
    unlisted = max(shape.different - len(shape.words), 0)
    for word in sorted(shape.words):
        short = "".join(letter for letter in word.casefold() if letter.isalnum())
        try:
            codes[word] = read_status(word)
        except ValueError:
            if short in LIKELY:
                codes[word] = LIKELY[short]
            else:
                unlisted += 1
    needless = all(_is_status(word) for word in codes)
    return ({} if needless else codes), unlisted


def _is_status(word: str) -> bool:
    try:
        read_status(word)
    except ValueError:
        return False
    return True


def _why(shape: ColumnShape, kind: Type) -> str:
    """Counts and forms, never a value."""
    if not shape.filled:
        return "by its title; every cell is empty"
    parts = [f"{shape.filled} filled, {shape.different} different"]
    if kind == "day":
        parts.append(_how_dated(shape))
    elif kind in ("email", "phone", "sex"):
        parts.append(f"{shape.forms[kind]} of {min(shape.different, MOST)} read as {kind}")
    elif shape.forms["float"] and shape.mostly("float"):
        parts.append("numbers with .0, as spreadsheets save them")
    return "; ".join(parts)


def _how_dated(shape: ColumnShape) -> str:
    if not shape.is_date:
        return "not all values read as dates: add formats:"
    return "dates as " + " or ".join(shape.dates) if shape.dates else "ISO dates"
