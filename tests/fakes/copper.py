"""A Copper account with state: people, their tags and custom fields.

Rules kept as documented: an update changes what it names, and replaces lists; null erases; an address is one person's only;
a name is required; text fields are not searched; a tag that is newly added may start something.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.fakes.provider import Answer, Asked, Json, Problem, Provider

PEOPLE = "/people"
ONE = PEOPLE + "/{id}"
BY_EMAIL, SEARCH = PEOPLE + "/fetch_by_email", PEOPLE + "/search"
KEY_FIELD = 100764
NAMES = {"name": "name", "emails": "emails", "phone_numbers": "phones", "tags": "tags"}


@dataclass
class FakePerson:
    id: int
    name: str = ""
    emails: list[Json] = field(default_factory=list)
    phones: list[Json] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    custom: dict[int, str | None] = field(default_factory=dict)

    def body(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "first_name": self.name.split(" ")[0],
            "emails": self.emails,
            "phone_numbers": self.phones,
            "tags": self.tags,
            "custom_fields": [
                {"custom_field_definition_id": id_, "value": value} for id_, value in self.custom.items()
            ],
        }


class FakeCopper(Provider):
    """One account."""

    base: ClassVar[str] = "/developer_api/v1"
    routes: ClassVar[Mapping[tuple[str, str], str]] = {
        ("GET", "/account"): "whoami",
        ("GET", "/custom_field_definitions"): "list_definitions",
        ("POST", BY_EMAIL): "by_email",
        ("POST", SEARCH): "search",
        ("POST", PEOPLE): "create",
        ("GET", ONE): "read",
        ("PUT", ONE): "update",
    }

    def __init__(self) -> None:
        super().__init__()
        self.secret = "pw0123"
        self.user = "it@example.com"
        self.people: dict[int, FakePerson] = {}
        self.definitions: dict[int, tuple[str, str]] = {
            KEY_FIELD: ("prm-sync key", "String"),
            103481: ("Language", "Text"),
            126240: ("Color", "Dropdown"),
        }
        self.automations: Counter[tuple[int, str]] = Counter()
        self._next = 2000

    # ------------------------------------------------------------ what people do at Copper

    def put(self, name: str, address: str, **more: Any) -> FakePerson:
        self._next += 1
        emails = [{"email": address, "category": "work"}] if address else []
        self.people[self._next] = FakePerson(self._next, name, emails, **more)
        return self.people[self._next]

    def get(self, address: str) -> FakePerson:
        return next(each for each in self.people.values() if _has(each, address))

    def state(self, address: str) -> str | None:
        return "subscribed" if any(_has(each, address) for each in self.people.values()) else None

    def tags(self, address: str) -> frozenset[str]:
        return frozenset(self.get(address).tags)

    def fields(self, address: str) -> Mapping[str, str]:
        found = self.get(address)
        return {self.definitions[i][0]: value for i, value in found.custom.items() if value} | {"name": found.name}

    def act(self, address: str, state: str) -> None:
        """A human deletes a person; Copper knows nothing else."""
        assert state == "archived"
        del self.people[self.get(address).id]

    def started(self) -> int:
        return self.automations.total()

    # ------------------------------------------------------------ the account's rules

    def authorized(self, headers: Mapping[str, str]) -> bool:
        given = (headers.get("x-pw-accesstoken"), headers.get("x-pw-application"), headers.get("x-pw-useremail"))
        return given == (self.secret, "developer_api", self.user)

    def problem(self, status: int) -> Json:
        return {"success": False, "status": status, "message": "Resource not found" if status == 404 else "Refused"}

    def whoami(self, _: Asked) -> Answer:
        return Answer(200, {"id": 1, "name": "Practice"})

    def list_definitions(self, _: Asked) -> Answer:
        return Answer(
            200,
            [
                {"id": id_, "name": name, "data_type": kind, "available_on": ["lead", "person"], "is_filterable": False}
                for id_, (name, kind) in self.definitions.items()
            ],
        )

    def by_email(self, asked: Asked) -> Answer:
        found = next((each for each in self.people.values() if _has(each, asked.json["email"])), None)
        return Answer(200, found.body()) if found else Answer(404, self.problem(404))

    def search(self, asked: Asked) -> Answer:
        found = [each.body() for each in self.people.values() if each.name == asked.json["name"]]
        start = (asked.json["page_number"] - 1) * asked.json["page_size"]
        return Answer(200, found[start : start + asked.json["page_size"]])

    def create(self, asked: Asked) -> Answer:
        if not asked.json.get("name"):
            raise Problem(422, {"success": False, "status": 422, "message": "Invalid input: name is required"})
        self._check(None, asked.json)
        return self._changed(self.put("", ""), asked.json)

    def _of(self, asked: Asked) -> FakePerson:
        found = self.people.get(int(asked.ids["id"]))
        if found is None:
            raise Problem(404, self.problem(404))
        return found

    def read(self, asked: Asked) -> Answer:
        return Answer(200, self._of(asked).body())

    def update(self, asked: Asked) -> Answer:
        found = self._of(asked)
        self._check(found, asked.json)
        return self._changed(found, asked.json)

    def _check(self, person: FakePerson | None, body: Json) -> None:
        taken = [e["email"] for e in body.get("emails", ()) if any(_has(o, e["email"]) for o in self._others(person))]
        if taken:
            raise Problem(422, {"success": False, "status": 422, "message": "Email has already been taken"})

    def _others(self, person: FakePerson | None) -> list[FakePerson]:
        return [each for each in self.people.values() if each is not person]

    def _changed(self, person: FakePerson, body: Json) -> Answer:
        self.automations.update((person.id, tag) for tag in body.get("tags", ()) if tag not in person.tags)
        for name, attribute in NAMES.items():
            if name in body:
                setattr(person, attribute, body[name])
        for each in body.get("custom_fields", ()):
            person.custom[each["custom_field_definition_id"]] = each["value"]
        self.tick()
        return Answer(200, person.body())


def _has(person: FakePerson, address: str) -> bool:
    return any(each["email"].lower() == address.lower() for each in person.emails)
