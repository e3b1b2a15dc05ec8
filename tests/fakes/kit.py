"""A Kit account with state: subscribers, tags, custom fields.

Rules kept as documented: an upsert changes no state; unknown custom fields are ignored with a warning; more than ten
fields, or more than a hundred bulk items, are worked off later (202); bulk requests are for OAuth alone; 429 comes as plain
text without Retry-After; a tag that is newly added starts automations.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from tests.fakes.provider import Answer, Asked, Json, Problem, Provider

SUBSCRIBERS = "/v4/subscribers"
ONE = SUBSCRIBERS + "/{id}"
TAGS = "/v4/tags"
TAGGING = TAGS + "/{tag_id}/subscribers/{id}"
BULK, BULK_TAGS, BULK_FIELDS = "/v4/bulk/subscribers", "/v4/bulk/tags/subscribers", "/v4/bulk/custom_fields/subscribers"


@dataclass
class FakeSubscriber:
    id: int
    address: str
    changed: datetime
    state: str = "active"
    first_name: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    tags: set[int] = field(default_factory=set)

    def body(self) -> Json:
        return {
            "id": self.id,
            "first_name": self.first_name,
            "email_address": self.address,
            "state": self.state,
            "created_at": self.changed.isoformat(),
            "fields": dict(self.fields),
        }


class FakeKit(Provider):
    """One account; `page` bounds the pages of its lists."""

    routes: ClassVar[Mapping[tuple[str, str], str]] = {
        ("GET", "/v4/account"): "whoami",
        ("GET", SUBSCRIBERS): "list_subscribers",
        ("POST", SUBSCRIBERS): "upsert",
        ("GET", ONE): "read",
        ("PUT", ONE): "update",
        ("POST", ONE + "/unsubscribe"): "unsubscribe",
        ("GET", TAGS): "list_tags",
        ("POST", TAGS): "make_tag",
        ("POST", TAGGING): "tag",
        ("DELETE", TAGGING): "untag",
        ("GET", "/v4/custom_fields"): "list_fields",
        ("POST", BULK): "bulk_create",
        ("POST", BULK_TAGS): "bulk_tag",
        ("DELETE", BULK_TAGS): "bulk_untag",
        ("POST", BULK_FIELDS): "bulk_fields",
    }

    def __init__(self) -> None:
        super().__init__()
        self.secret = "kit_0123"
        self.subscribers: dict[int, FakeSubscriber] = {}
        self.tag_names: dict[int, str] = {}
        self.custom = {"last_name": 11, "language": 12}
        self.automations: Counter[tuple[str, str]] = Counter()
        self.bad_addresses: set[str] = set()
        self.deleted: set[str] = set()
        self.page = 1000
        self._next = 500

    # ------------------------------------------------------------ what people do at Kit

    def put(self, address: str, **more: Any) -> FakeSubscriber:
        self._next += 1
        self.subscribers[self._next] = FakeSubscriber(self._next, address, self.tick(), **more)
        return self.subscribers[self._next]

    def get(self, address: str) -> FakeSubscriber:
        return next(each for each in self.subscribers.values() if each.address == address)

    def act(self, address: str, state: str) -> None:
        found = self.get(address)
        found.changed = self.tick()
        if state == "archived":
            self.deleted.add(address)
            del self.subscribers[found.id]
        else:
            found.state = {"unsubscribed": "cancelled", "cleaned": "bounced"}.get(state, state)

    def state(self, address: str) -> str | None:
        found = next((each for each in self.subscribers.values() if each.address == address), None)
        if found is None:
            return "archived" if address in self.deleted else None
        words = {"active": "subscribed", "cancelled": "unsubscribed", "bounced": "cleaned"}
        return words.get(found.state, found.state)

    def tags(self, address: str) -> frozenset[str]:
        return frozenset(self.tag_names[id_] for id_ in self.get(address).tags)

    def fields(self, address: str) -> Mapping[str, str]:
        found = self.get(address)
        return found.fields | ({"first_name": found.first_name} if found.first_name else {})

    def started(self) -> int:
        return self.automations.total()

    # ------------------------------------------------------------ the account's rules

    def authorized(self, headers: Mapping[str, str]) -> bool:
        return self.secret in (headers.get("x-kit-api-key"), headers.get("authorization", "").removeprefix("Bearer "))

    def problem(self, status: int) -> Any:
        if status == 429:
            return b"Retry later"
        return _errors({401: "The access token is invalid", 404: "Not Found"}.get(status, "Refused"))

    def whoami(self, _: Asked) -> Answer:
        return Answer(200, {"user": {"email": "desk@example.com"}, "account": {"id": 1, "name": "Practice"}})

    def _of(self, asked: Asked) -> FakeSubscriber:
        found = self.subscribers.get(int(asked.ids["id"]))
        if found is None:
            raise Problem(404, _errors("Not Found"))
        return found

    def upsert(self, asked: Asked) -> Answer:
        body, new = asked.json, not self._has(asked.json["email_address"])
        if body["email_address"] in self.bad_addresses:
            raise Problem(422, _errors("Email address is invalid"))
        found = self.put(body["email_address"]) if new else self.get(body["email_address"])
        return self._filled(found, body, 201 if new else 200)

    def _has(self, address: str) -> bool:
        return any(each.address == address for each in self.subscribers.values())

    def _filled(self, found: FakeSubscriber, body: Json, status: int) -> Answer:
        if "first_name" in body:
            found.first_name = body["first_name"] or None
        fields = body.get("fields") or {}
        known = {key: value for key, value in fields.items() if key in self.custom}
        found.fields = {key: value for key, value in {**found.fields, **known}.items() if value}
        found.changed = self.tick()
        unknown = [f"{key} is not a custom field" for key in fields if key not in self.custom]
        warned = {"warnings": unknown} if unknown else {}
        return Answer(202 if len(fields) > 10 else status, {"subscriber": found.body(), **warned})

    def read(self, asked: Asked) -> Answer:
        return Answer(200, {"subscriber": self._of(asked).body()})

    def update(self, asked: Asked) -> Answer:
        found, address = self._of(asked), asked.json["email_address"]
        if address != found.address and self._has(address):
            raise Problem(422, _errors("Email address has already been taken"))
        found.address = address
        return self._filled(found, asked.json, 200)

    def unsubscribe(self, asked: Asked) -> Answer:
        found = self._of(asked)
        found.state, found.changed = "cancelled", self.tick()
        return Answer(204)

    def list_subscribers(self, asked: Asked) -> Answer:
        since = datetime.fromisoformat(asked.params.get("updated_after", "2000-01-01") + "T00:00:00+00:00")
        found = [s for s in self.subscribers.values() if s.state == asked.params["status"] and s.changed > since]
        return self._paged("subscribers", [each.body() for each in found], asked)

    def _paged(self, key: str, entries: list[Json], asked: Asked) -> Answer:
        size = min(int(asked.params.get("per_page", 500)), self.page)
        start = int(asked.params.get("after") or 0)
        more = start + size < len(entries)
        pagination = {"has_previous_page": start > 0, "has_next_page": more, "per_page": size}
        pagination |= {"start_cursor": str(start), "end_cursor": str(start + size)}
        return Answer(200, {key: entries[start : start + size], "pagination": pagination})

    def list_tags(self, asked: Asked) -> Answer:
        return self._paged("tags", [{"id": id_, "name": name} for id_, name in self.tag_names.items()], asked)

    def make_tag(self, asked: Asked) -> Answer:
        self._next += 1
        self.tag_names[self._next] = asked.json["name"]
        return Answer(201, {"tag": {"id": self._next, "name": asked.json["name"], "created_at": self.now.isoformat()}})

    def list_fields(self, asked: Asked) -> Answer:
        entries = [{"id": i, "key": k, "name": k, "label": k} for k, i in self.custom.items()]
        return self._paged("custom_fields", entries, asked)

    def tag(self, asked: Asked) -> Answer:
        found, label = self._of(asked), int(asked.ids["tag_id"])
        if label not in self.tag_names:
            raise Problem(404, _errors("Not Found"))
        new = label not in found.tags
        self._add(found, label)
        return Answer(201 if new else 200, {"subscriber": found.body() | {"tagged_at": self.now.isoformat()}})

    def _add(self, found: FakeSubscriber, label: int) -> None:
        if label not in found.tags:
            self.automations[found.address, self.tag_names[label]] += 1
        found.tags.add(label)

    def untag(self, asked: Asked) -> Answer:
        self._of(asked).tags.discard(int(asked.ids["tag_id"]))
        return Answer(204)

    def _bulk(self, asked: Asked, key: str) -> list[Json]:
        if "authorization" not in asked.headers:
            raise Problem(401, _errors("The access token is invalid"))
        items: list[Json] = asked.json[key]
        if len(items) > 100:
            raise Problem(202, {})
        return items

    def bulk_create(self, asked: Asked) -> Answer:
        done, failures = [], []
        for each in self._bulk(asked, "subscribers"):
            address = each["email_address"]
            if address in self.bad_addresses:
                shown = {**each, "state": "active", "created_at": None}
                failures.append({"subscriber": shown, "errors": ["Email address is invalid"]})
                continue
            found = self.get(address) if self._has(address) else self.put(address)
            found.first_name = each.get("first_name") or found.first_name
            done.append({key: value for key, value in found.body().items() if key != "fields"})
        return Answer(200, {"subscribers": done, "failures": failures})

    def _taggings(self, asked: Asked) -> tuple[list[tuple[FakeSubscriber, int]], list[Json]]:
        good, failures = [], []
        for each in self._bulk(asked, "taggings"):
            found = self.subscribers.get(each["subscriber_id"])
            if found is None or each["tag_id"] not in self.tag_names:
                wrong = "Subscriber does not exist" if found is None else "Tag does not exist"
                failures.append({"tagging": each, "errors": [wrong]})
            else:
                good.append((found, each["tag_id"]))
        return good, failures

    def bulk_tag(self, asked: Asked) -> Answer:
        good, failures = self._taggings(asked)
        for found, label in good:
            self._add(found, label)
        return Answer(200, {"subscribers": [found.body() for found, _ in good], "failures": failures})

    def bulk_untag(self, asked: Asked) -> Answer:
        good, failures = self._taggings(asked)
        for found, label in good:
            found.tags.discard(label)
        return Answer(200, {"subscribers": [found.body() for found, _ in good], "failures": failures})

    def bulk_fields(self, asked: Asked) -> Answer:
        names = {id_: key for key, id_ in self.custom.items()}
        done, failures = [], []
        for each in self._bulk(asked, "custom_field_values"):
            found, key = self.subscribers.get(each["subscriber_id"]), names.get(each["subscriber_custom_field_id"])
            if found is None or key is None:
                failures.append({"custom_field_value": each, "errors": ["Custom field does not exist"]})
            else:
                found.fields[key] = each["value"]
                done.append(each)
        return Answer(200, {"custom_field_values": done, "failures": failures})


def _errors(*words: str) -> Json:
    return {"errors": list(words)}
