"""Push of worklists: everybody on a list whom nobody else reaches, written whole at every pass."""

from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection, Engine

from connectors.base import ListDestination, ListEntry
from mappings.document import Document
from sync.criteria import Outlet
from sync.push import Delivery, Pushed, accept_all
from sync.reached import persons, unreached
from sync.store import wishes
from sync.store.engine import reading

_BATCH = 500


def push_lists(
    engine: Engine, destination: ListDestination, delivery: Delivery, outlet: Outlet, asked: Sequence[Outlet]
) -> Pushed:
    """Writes the lists and accepts what was ready. Unchanged files stay untouched.

    They are written at every pass: whom another destination reaches, and what was answered, changes without a wish.
    """
    pushed = Pushed()
    with reading(engine) as connection:
        listed = (
            (key, document)
            for key, document in wishes.whole_audience(connection, delivery.name)
            if document.standing == "subscribed" and document.tags
        )
        entries = (entry for batch in _batches(listed) for entry in _entries(connection, outlet, asked, batch))
        pushed.calls = destination.write(entries, delivery.at)
    accept_all(engine, delivery, pushed)
    return pushed


def _batches(items: Iterator[tuple[str, Document]]) -> Iterator[list[tuple[str, Document]]]:
    while batch := list(islice(items, _BATCH)):
        yield batch


def _entries(
    connection: Connection, outlet: Outlet, asked: Sequence[Outlet], batch: Sequence[tuple[str, Document]]
) -> Iterator[ListEntry]:
    names = {tag: name for (_, name), tag in outlet.audience.tags.items()}
    listed = {key: frozenset(names.get(tag, tag) for tag in document.tags) for key, document in batch}
    known = persons(connection, list(listed))
    missed = unreached(connection, asked, listed, known)
    for key, document in batch:
        if key in missed and key in known:
            reasons = missed[key]
            values = tuple(document.fields.get(name, "") for name in outlet.audience.fields)
            reason = next((reasons[name] for name in sorted(reasons) if reasons[name]), "")
            yield ListEntry(key, known[key].site, values, frozenset(reasons), reason)
