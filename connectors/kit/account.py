"""The calls on one Kit account. No address ever stands in a URL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.base import Misconfigured, Unavailable
from connectors.http import HttpClient, Request, Response, Unsettled
from connectors.kit.outcomes import Verdict, verdict
from connectors.kit.settings import FIRST_NAME

MAX_BULK: Final = 100
"""A bulk request of more items is worked off later, and answered to a callback (API v4, bulk & async processing)."""
MAX_PAGE: Final = 1000
_MOST_PAGES: Final = 10_000
_SUBSCRIBERS: Final = "/v4/subscribers"
_ONE: Final = "/v4/subscribers/{id}"
_TAGGING: Final = "/v4/tags/{tag_id}/subscribers/{id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A subscriber as read: its id, state and fields, first_name among them."""

    ref: str
    address: str
    state: str
    fields: Mapping[str, str] = field(default_factory=dict)


class Declined(Exception):
    """Kit refused a call; says what that means."""

    def __init__(self, found: Verdict) -> None:
        super().__init__(found.code)
        self.verdict = found


class Account:
    """One account. Methods raise Unavailable, Unsettled, Misconfigured (key) or Declined.

    `wrote` is True once a write has, or may have, taken effect.
    """

    def __init__(self, client: HttpClient, place: str, secret: str) -> None:
        self._client, self.place, self._secret = client, place, secret
        self.wrote = False

    def upsert(self, address: str, fields: Mapping[str, str]) -> Subscriber:
        """Creates a subscriber, or updates the one of this address; the state of one that is there is not changed."""
        body = {"email_address": address, **_written(fields)}
        return self._subscriber(self._post(_SUBSCRIBERS, body))

    def update(self, ref: str, address: str, fields: Mapping[str, str]) -> Subscriber:
        """Changes address and fields of a subscriber; creates none, and changes no state."""
        body = {"email_address": address, **_written(fields)}
        request = Request(method="PUT", path=f"{_SUBSCRIBERS}/{ref}", template=_ONE, json=body)
        return self._subscriber(self.send(request))

    def read(self, ref: str) -> Subscriber | None:
        """Reads a subscriber; None when there is none of this id."""
        response = self.send(Request(method="GET", path=f"{_SUBSCRIBERS}/{ref}", template=_ONE), {404})
        return None if response.status == 404 else self._subscriber(response)

    def tag(self, label: str, ref: str) -> Subscriber:
        """Adds a tag to a subscriber, by ids."""
        path = f"/v4/tags/{label}/subscribers/{ref}"
        return self._subscriber(self.send(Request(method="POST", path=path, template=_TAGGING, json={})))

    def untag(self, label: str, ref: str) -> None:
        """Takes a tag away; one that is not there (404) is done."""
        path = f"/v4/tags/{label}/subscribers/{ref}"
        self.send(Request(method="DELETE", path=path, template=_TAGGING), {404})

    def unsubscribe(self, ref: str) -> None:
        """Cancels a subscriber for good."""
        path = f"{_SUBSCRIBERS}/{ref}/unsubscribe"
        self.send(Request(method="POST", path=path, template=f"{_ONE}/unsubscribe", json={}))

    def bulk(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Sends up to 100 items; an answer that says they are worked off later leaves it open what became of them."""
        response = self.send(Request(method=method, path=path, template=path, json={**body, "callback_url": None}))
        answer = response.json_object()
        if response.status != 200 or answer is None:
            raise Unsettled(f"{response.place}: the request is worked off later ({response.status})")
        return answer

    def listed(
        self, path: str, key: str, params: Mapping[str, str | int] | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """Reads a list page by page; pages follow the end cursor (API v4, pagination)."""
        after: dict[str, str | int] = {}
        for _ in range(_MOST_PAGES):
            query = {"per_page": MAX_PAGE, **(params or {}), **after}
            response = self.send(Request(method="GET", path=path, template=path, params=query))
            answer = response.json_object()
            entries = answer.get(key) if answer is not None else None
            if answer is None or not isinstance(entries, list):
                raise Unavailable(f"{response.place}: the answer is no list of {key}")
            yield [each for each in entries if isinstance(each, dict)]
            pagination = answer.get("pagination")
            if not isinstance(pagination, dict) or not pagination.get("has_next_page"):
                return
            after = {"after": str(pagination.get("end_cursor"))}
        raise Unavailable(f"GET {path}: the list did not come to an end")

    def make(self, path: str, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Makes something that has an id."""
        response = self._post(path, body)
        answer = response.json_object()
        made = answer.get(key) if answer is not None else None
        if not isinstance(made, dict) or not made.get("id"):
            raise Unsettled(f"{response.place}: the answer is no {key}")
        return made

    def _post(self, path: str, body: Mapping[str, Any]) -> Response:
        return self.send(Request(method="POST", path=path, template=path, json=dict(body)))

    def _subscriber(self, response: Response) -> Subscriber:
        answer = response.json_object()
        entry = answer.get("subscriber") if answer is not None else None
        if not isinstance(entry, dict) or not entry.get("id"):
            raise (Unsettled if response.writes else Unavailable)(f"{response.place}: the answer is no subscriber")
        if answer is not None and answer.get("warnings"):
            raise Misconfigured(
                f"{self.place}.fields", "Kit ignored a custom field that it does not know; run: prm-sync check --live"
            )
        return subscriber_of(entry)

    def send(self, request: Request, fine: frozenset[int] | set[int] = frozenset()) -> Response:
        """Sends; a refusal that concerns the account raises Misconfigured, any other Declined."""
        try:
            response = self._client.send(request)
        except Unsettled:
            self.wrote = True
            raise
        if response.status < 300 or response.status in fine:
            self.wrote = self.wrote or request.writes
            return response
        found = verdict(response.status, (response.json_object() or {}).get("errors"))
        if found.stop:
            raise Misconfigured(
                f"{self.place}.{self._secret}",
                f"Kit refused the key ({response.status}); make a new one under Settings, Developer",
                credentials=True,
            )
        raise Declined(found)


def subscriber_of(entry: Mapping[str, Any]) -> Subscriber:
    """Reads a subscriber out of an answer."""
    texts = entry.get("fields")
    fields = {name: str(value) for name, value in texts.items() if value} if isinstance(texts, dict) else {}
    if entry.get("first_name"):
        fields[FIRST_NAME] = str(entry["first_name"])
    address = str(entry.get("email_address") or "").lower()
    return Subscriber(ref=str(entry["id"]), address=address, state=str(entry.get("state", "")), fields=fields)


def _written(fields: Mapping[str, str]) -> dict[str, Any]:
    """Fields as Kit takes them: the first name stands by itself; "" erases."""
    custom = {name: value for name, value in fields.items() if name != FIRST_NAME}
    body: dict[str, Any] = {"first_name": fields[FIRST_NAME]} if FIRST_NAME in fields else {}
    return body | ({"fields": custom} if custom else {})


def bulk_items(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Pieces that a bulk request takes at once."""
    return (items[start : start + MAX_BULK] for start in range(0, len(items), MAX_BULK))
