"""The calls on the people of one Copper account. No address and no name ever stands in a URL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.base import Misconfigured, Unavailable
from connectors.copper.outcomes import Verdict, verdict
from connectors.copper.settings import EMAIL, NAME, PHONE
from connectors.http import HttpClient, Request, Response, Unsettled

_PEOPLE: Final = "/people"
_ONE: Final = "/people/{id}"
_PAGE: Final = 200
_MOST_PAGES: Final = 50
"""More people of one name are not looked through."""
_TEXTS: Final = frozenset({"String", "Text"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person as read: id, tags as written there, addresses in small letters, custom fields by definition id."""

    ref: str
    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    custom: Mapping[int, str] = field(default_factory=dict)


class Declined(Exception):
    """Copper refused a call on one person; says what that means."""

    def __init__(self, found: Verdict) -> None:
        super().__init__(found.code)
        self.verdict = found


class People:
    """The people of an account. Methods raise Unavailable, Unsettled, Misconfigured (key, field) or Declined.

    `wrote` is True once a write has, or may have, taken effect.
    """

    def __init__(self, client: HttpClient, place: str) -> None:
        self._client, self.place = client, place
        self.wrote = False

    def definitions(self) -> dict[str, tuple[int, bool]]:
        """Custom fields of people by name: the definition's id, and whether it takes text."""
        path = "/custom_field_definitions"
        answer = self._send(Request(method="GET", path=path, template=path)).json()
        if not isinstance(answer, list):
            raise Unavailable(f"GET {path}: the answer is no list of custom fields")
        return {
            str(each.get("name")): (int(each["id"]), each.get("data_type") in _TEXTS)
            for each in answer
            if isinstance(each, dict) and each.get("id") and "person" in (each.get("available_on") or ())
        }

    def read(self, ref: str) -> Person | None:
        """Reads a person; None when there is none of this id."""
        response = self._send(Request(method="GET", path=f"{_PEOPLE}/{ref}", template=_ONE), {404})
        return None if response.status == 404 else _person(response)

    def by_address(self, address: str) -> Person | None:
        """The person who has an address; Copper allows it to one person only."""
        path = f"{_PEOPLE}/fetch_by_email"
        request = Request(method="POST", path=path, template=path, json={"email": address}, safe=True)
        response = self._send(request, {404})
        return None if response.status == 404 else _person(response)

    def by_name(self, name: str) -> Iterator[Person]:
        """People of a name; the index may not have the latest."""
        path = f"{_PEOPLE}/search"
        for number in range(1, _MOST_PAGES + 1):
            body = {"name": name, "page_number": number, "page_size": _PAGE, "sort_by": "name"}
            answer = self._send(Request(method="POST", path=path, template=path, json=body, safe=True)).json()
            if not isinstance(answer, list):
                raise Unavailable(f"POST {path}: the answer is no list of people")
            yield from (_of(each) for each in answer if isinstance(each, dict) and each.get("id"))
            if len(answer) < _PAGE:
                return

    def create(self, body: Mapping[str, Any]) -> Person:
        """Makes a person; repeating it after an unknown outcome could make a second one."""
        request = Request(method="POST", path=_PEOPLE, template=_PEOPLE, json=dict(body), idempotent=False)
        return _person(self._send(request))

    def change(self, ref: str, body: Mapping[str, Any]) -> Person:
        """Changes what `body` names of a person, and nothing else (Update a Person)."""
        return _person(self._send(Request(method="PUT", path=f"{_PEOPLE}/{ref}", template=_ONE, json=dict(body))))

    def account(self) -> None:
        """Reads the account: the key is taken."""
        self._send(Request(method="GET", path="/account", template="/account"))

    def _send(self, request: Request, fine: frozenset[int] | set[int] = frozenset()) -> Response:
        try:
            response = self._client.send(request)
        except Unsettled:
            self.wrote = True
            raise
        if response.status < 300 or response.status in fine:
            self.wrote = self.wrote or request.writes
            return response
        found = verdict(response.status, response.json_object())
        if found.stop:
            raise Misconfigured(
                f"{self.place}.api_key",
                f"Copper refused the key ({response.status}); it must be the key of user_email: and an admin's",
                credentials=True,
            )
        raise Declined(found)


def written(fields: Mapping[str, str], ids: Mapping[str, int]) -> dict[str, Any]:
    """Fields as Copper takes them; null erases (Update a Person)."""
    body: dict[str, Any] = {}
    if fields.get(NAME):
        body[NAME] = fields[NAME]
    for name, plural, key in ((EMAIL, "emails", "email"), (PHONE, "phone_numbers", "number")):
        if name in fields:
            body[plural] = [{key: fields[name], "category": "work"}] if fields[name] else []
    custom = [
        {"custom_field_definition_id": ids[name], "value": value or None}
        for name, value in fields.items()
        if name in ids
    ]
    return body | ({"custom_fields": custom} if custom else {})


def held(person: Person, names: frozenset[str], ids: Mapping[str, int]) -> dict[str, str]:
    """What a person holds of our fields."""
    built_in = {NAME: person.name, EMAIL: "".join(person.emails[:1]), PHONE: "".join(person.phones[:1])}
    return {name: person.custom.get(ids[name], "") if name in ids else built_in.get(name, "") for name in names}


def _person(response: Response) -> Person:
    answer = response.json_object()
    if answer is None or not answer.get("id"):
        raise (Unsettled if response.writes else Unavailable)(f"{response.place}: the answer is no person")
    return _of(answer)


def _of(entry: Mapping[str, Any]) -> Person:
    return Person(
        ref=str(entry["id"]),
        name=str(entry.get("name") or ""),
        emails=tuple(each.lower() for each in _values(entry.get("emails"), "email")),
        phones=tuple(_values(entry.get("phone_numbers"), "number")),
        tags=tuple(str(tag) for tag in entry.get("tags") or ()),
        custom={
            int(each["custom_field_definition_id"]): str(each["value"])
            for each in entry.get("custom_fields") or ()
            if isinstance(each, dict) and each.get("value") not in (None, "")
        },
    )


def _values(entries: Any, key: str) -> Iterator[str]:
    for each in entries if isinstance(entries, list) else ():
        if isinstance(each, dict) and each.get(key):
            yield str(each[key])
