"""Reads back what people and the practice did at Mailchimp itself."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from connectors.base import Feedback, FeedbackPage, Json, Unavailable
from connectors.http import Response
from connectors.http.retry import http_date
from connectors.mailchimp.audience import MAX_PAGE, Audience

OVERLAP = timedelta(minutes=10)
_MOST_PAGES = 10_000

State = Literal["subscribed", "unsubscribed", "cleaned", "complained", "pending", "archived", "transactional"]
_STATES: Mapping[str, State] = {state: state for state in get_args(State)}
_FIELDS = ",".join(
    (
        *(f"members.{name}" for name in ("id", "email_address", "status", "last_changed", "unsubscribe_reason")),
        "total_items",
    )
)
# Reasons of a spam complaint, as Mailchimp's own survey and its abuse desk word them.
_COMPLAINTS = ("abuse", "spam and should be reported")


def read_changes(audience: Audience, cursor: Json | None) -> Iterator[FeedbackPage]:
    """Yields what changed since the cursor, or everything once; the cursor moves on with the last page only.

    The mark is the server's own time at the first answer; the next reading starts ten minutes before it. Without a
    mark the parameter is left out, since a very old date makes the server hang. Archived members are asked for by
    name: the plain list is of "currently subscribed, unsubscribed, and bounced members" (Marketing API, GET
    /lists/{list_id}/members). Latest changes come first, so that a change during the reading repeats members at a
    page's edge and skips none.
    """
    since = _since(cursor)
    mark: str | None = None
    seen: set[tuple[str, str]] = set()
    for asked in ({}, {"status": "archived"}):
        for page in _pages(audience, asked, since):
            mark = mark or _mark(page)
            complete = page.last and bool(asked)
            following: Json = {"since": mark} if complete and mark else dict(cursor or {})
            yield FeedbackPage(items=list(_items(page.members, seen)), cursor=following, complete=complete)


class _Page(NamedTuple):
    """One page of a list, and whether it is the list's last."""

    members: list[dict[str, Any]]
    date: str | None
    last: bool


def _pages(audience: Audience, asked: Mapping[str, str], since: str | None) -> Iterator[_Page]:
    """Reads one list to its end; raises Unavailable when the end does not come."""
    offset, total = 0, 1
    for _ in range(_MOST_PAGES):
        response = audience.page(_params(asked, since, offset))
        members, new_total = _members(response, offset)
        shrunk = total - new_total if offset else 0
        if not members and shrunk <= 0 and offset < new_total:
            raise Unavailable(f"{response.place}: the list broke off")
        # Members that left the list meanwhile have drawn others past this page's beginning: it is read again.
        offset = max(0, offset - shrunk) if shrunk > 0 else offset + len(members)
        total = new_total
        yield _Page(members, response.headers.get("date"), offset >= total)
        if offset >= total:
            return
    raise Unavailable("the list of members did not come to an end")


def _params(asked: Mapping[str, str], since: str | None, offset: int) -> dict[str, str | int]:
    params: dict[str, str | int] = {"count": MAX_PAGE, "offset": offset, "fields": _FIELDS}
    params |= {"sort_field": "last_changed", "sort_dir": "DESC"} | dict(asked)
    return params | ({"since_last_changed": since} if since else {})


def _since(cursor: Json | None) -> str | None:
    mark = _instant((cursor or {}).get("since"))
    return (mark - OVERLAP).isoformat(timespec="seconds") if mark else None


def _mark(page: _Page) -> str | None:
    """The server's time: of its Date header, else of the latest change it told of."""
    changes = [found for each in page.members if (found := _instant(each.get("last_changed")))]
    found = http_date(page.date) or max(changes, default=None)
    return found.isoformat() if found else None


def _members(response: Response, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Returns a page's members and the list's length; without a length a full page is taken to have another."""
    answer = response.json()
    members = answer.get("members") if isinstance(answer, dict) else None
    if not isinstance(members, list):
        raise Unavailable(f"{response.place}: the answer is no list of members")
    total = answer.get("total_items")
    known = total if isinstance(total, int) else offset + len(members) + (len(members) >= MAX_PAGE)
    return [each for each in members if isinstance(each, dict)], known


def _items(members: list[dict[str, Any]], seen: set[tuple[str, str]]) -> Iterator[Feedback]:
    for each in members:
        address, state = str(each.get("email_address") or "").strip().lower(), _state(each)
        key = (str(each.get("id")), f"{state} {each.get('last_changed')}")
        if address and state is not None and key not in seen:
            seen.add(key)
            yield Feedback(address=address, ref=str(each.get("id")), state=state, at=_instant(each.get("last_changed")))


def _state(member: Mapping[str, Any]) -> State | None:
    """The member's state; None for one that is not known here, of which nothing can be concluded."""
    state = _STATES.get(str(member.get("status")))
    reason = str(member.get("unsubscribe_reason") or "").casefold()
    return "complained" if state == "unsubscribed" and any(text in reason for text in _COMPLAINTS) else state


def _instant(text: object) -> datetime | None:
    """Reads an ISO instant; None when it is absent, unreadable or has no offset."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
