"""Reads back who opted out or bounced at HubSpot."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.base import Feedback, FeedbackPage, Json, Unavailable
from connectors.hubspot.contacts import BOUNCE, OPT_OUT
from connectors.hubspot.portal import Portal

OVERLAP: Final = timedelta(minutes=15)
"""The search index lags behind the records (GH HubSpot/hubspot-api-php#59)."""
_SEARCH: Final = "/crm/v3/objects/contacts/search"
_LIMIT: Final = 200


def read_changes(portal: Portal, subscription: int | None, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]:
    """Yields contacts that must not be mailed and were modified since the cursor; all of them once without one.

    Pages follow the record id, not the offset: a search gives out 10,000 records at most, and what changes meanwhile
    moves no page. A reading that breaks off goes on after the last id of its last stored page.
    """
    before = dict(cursor or {})
    since, mark, last = before.get("since"), str(before.get("mark") or at.isoformat()), int(before.get("after") or 0)
    while True:
        answer = portal.ask(_SEARCH, _question(_since(since), last, subscription))
        results = answer.get("results")
        if not isinstance(results, list):
            raise Unavailable(f"POST {_SEARCH}: the answer is no list of contacts")
        found = [each for each in results if isinstance(each, dict)]
        complete = len(found) < _LIMIT
        last = max([last, *(_id(each) for each in found)])
        following: Json = {"since": mark} if complete else {"since": since, "mark": mark, "after": last}
        yield FeedbackPage(items=list(_items(found)), cursor=following, complete=complete)
        if complete:
            return


def _since(mark: object) -> datetime | None:
    return datetime.fromisoformat(mark) - OVERLAP if isinstance(mark, str) else None


def _question(since: datetime | None, last: int, subscription: int | None) -> dict[str, Any]:
    """A search; its groups are alternatives, the filters of a group must all hold."""
    signs = [{"propertyName": OPT_OUT, "operator": "EQ", "value": "true"}]
    signs.append({"propertyName": BOUNCE, "operator": "HAS_PROPERTY"})
    if subscription is not None:
        signs.append({"propertyName": f"{OPT_OUT}_{subscription}", "operator": "EQ", "value": "true"})
    common = [{"propertyName": "hs_object_id", "operator": "GT", "value": str(last)}]
    if since is not None:
        stamp = str(int(since.timestamp() * 1000))
        common.append({"propertyName": "lastmodifieddate", "operator": "GTE", "value": stamp})
    return {
        "filterGroups": [{"filters": [sign, *common]} for sign in signs],
        "properties": ["email", OPT_OUT, BOUNCE],
        "sorts": ["hs_object_id"],
        "limit": _LIMIT,
        "after": "0",
    }


def _id(entry: Mapping[str, Any]) -> int:
    text = str(entry.get("id", ""))
    return int(text) if text.isascii() and text.isdigit() else 0


def _items(entries: list[dict[str, Any]]) -> Iterator[Feedback]:
    for each in entries:
        properties = each.get("properties")
        texts: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
        address = str(texts.get("email") or "").strip().lower()
        bounced = bool(texts.get(BOUNCE)) and str(texts.get(OPT_OUT)).lower() != "true"
        if address:
            yield Feedback(
                address=address,
                ref=str(each.get("id")),
                state="cleaned" if bounced else "unsubscribed",
                at=_instant(each.get("updatedAt")),
            )


def _instant(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
