"""Reads back who cancelled, bounced or complained at Kit."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.base import Feedback, FeedbackPage, Json
from connectors.kit.account import Account, subscriber_of

OVERLAP: Final = timedelta(days=2)
"""`updated_after` is documented as a day (yyyy-mm-dd), and does not say whether that day is in it."""
_STATES: Final = {"cancelled": "unsubscribed", "bounced": "cleaned", "complained": "complained"}


def read_changes(account: Account, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]:
    """Yields whom Kit will not mail and has updated since the cursor; all of them once without one.

    Kit does not say when somebody left. Each state is a list of its own (API v4, List subscribers: `status`). The cursor moves on with the last page only.
    """
    since = (cursor or {}).get("since")
    params: dict[str, str | int] = {}
    if isinstance(since, str):
        params["updated_after"] = (datetime.fromisoformat(since) - OVERLAP).date().isoformat()
    for status in _STATES:
        for entries in account.listed("/v4/subscribers", "subscribers", {"status": status, **params}):
            yield FeedbackPage(items=list(_items(entries, status)), cursor=dict(cursor or {}), complete=False)
    yield FeedbackPage(items=[], cursor={"since": at.isoformat()}, complete=True)


def _items(entries: list[dict[str, Any]], status: str) -> Iterator[Feedback]:
    for each in entries:
        found = subscriber_of(each) if each.get("id") else None
        if found is not None and found.address and found.state in ("", status):
            state = _STATES[status]
            yield Feedback(address=found.address, ref=found.ref, state=state, at=None)  # type: ignore[arg-type]  # one of the states of the table
