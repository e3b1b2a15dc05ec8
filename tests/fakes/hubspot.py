"""A HubSpot account with state: contacts, manual lists, communication preferences, properties.

Rules kept as documented: batches of at most 100; a property that does not exist refuses the whole batch; other faults of
single items come as 207; e-mail and unique properties are unique; opt-outs and bounces are HubSpot's own; the search index lags behind
by `lag` seconds; joining a list starts an automation, once a joining.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from tests.fakes.hubspot_records import FakeContact, FakeList, error, meets, prop
from tests.fakes.provider import Answer, Asked, Json, Problem, Provider

CONTACTS = "/crm/v3/objects/contacts"
LISTS = "/crm/v3/lists"
PROPERTIES = "/crm/v3/properties/contacts"
STATUSES = "/communication-preferences/v4/statuses/batch"
UPSERT, UPDATE, READ, SEARCH = (f"{CONTACTS}/{act}" for act in ("batch/upsert", "batch/update", "batch/read", "search"))
LIST = LISTS + "/{listId}"
NAMED = LISTS + "/object-type-id/{objectTypeId}/name/{listName}"
MEMBERS = LIST + "/memberships/add-and-remove"
KEY = "prm_sync_key"


class FakeHubspot(Provider):
    """One account, with the properties that most tests need."""

    routes: ClassVar[Mapping[tuple[str, str], str]] = {
        ("POST", UPSERT): "upsert",
        ("POST", UPDATE): "update",
        ("POST", READ): "read",
        ("POST", SEARCH): "search",
        ("GET", PROPERTIES): "list_properties",
        ("POST", LISTS): "make_list",
        ("GET", LIST): "get_list",
        ("GET", NAMED): "find_list",
        ("PUT", MEMBERS): "change_list",
        ("POST", STATUSES + "/unsubscribe-all/read"): "read_opt_outs",
        ("POST", STATUSES + "/unsubscribe-all"): "opt_out",
        ("POST", STATUSES + "/read"): "read_statuses",
    }

    def __init__(self) -> None:
        super().__init__()
        self.secret = "pat-na1-0123"
        self.contacts: dict[str, FakeContact] = {}
        self.lists: dict[str, FakeList] = {}
        self.properties = {
            name: prop(name) for name in ("email", "firstname", "lastname", "lang", "hs_email_optout", "hs_object_id")
        }
        self.properties |= {"hs_email_hard_bounce_reason_enum": prop("hs_email_hard_bounce_reason_enum")}
        self.properties[KEY] = prop(KEY, hasUniqueValue=True)
        self.automations: Counter[tuple[str, str]] = Counter()
        self.statuses: dict[tuple[str, int], str] = {}
        self.lag = 0.0
        self.stamps: dict[str, str] = {}
        self.vague = False
        self.bad_addresses: set[str] = set()
        self.deleted: set[str] = set()
        self._next = 100

    # ------------------------------------------------------------ what people do at HubSpot

    def put(self, address: str, **properties: str) -> FakeContact:
        """Somebody at the practice adds a contact."""
        self._next += 1
        made = FakeContact(str(self._next), {"email": address, **properties}, self.tick())
        self.contacts[made.id] = made
        return made

    def get(self, address: str) -> FakeContact:
        return next(c for c in self.contacts.values() if c.properties.get("email") == address)

    def put_list(self, name: str, kind: str = "MANUAL") -> FakeList:
        self._next += 1
        self.lists[str(self._next)] = FakeList(str(self._next), name, kind)
        return self.lists[str(self._next)]

    def act(self, address: str, state: str) -> None:
        """The contact opts out or bounces, or a human deletes it."""
        contact = self.get(address)
        contact.changed = self.tick()
        if state == "unsubscribed":
            contact.properties["hs_email_optout"] = "true"
            contact.stopped = True
        elif state == "cleaned":
            contact.properties["hs_email_hard_bounce_reason_enum"] = "UNKNOWN_USER"
        else:
            self.deleted.add(address)
            del self.contacts[contact.id]

    def state(self, address: str) -> str | None:
        contact = self._by("email", address)
        if contact is None:
            return "archived" if address in self.deleted else None
        bounced = "hs_email_hard_bounce_reason_enum" in contact.properties
        return "unsubscribed" if contact.stopped else "cleaned" if bounced else "subscribed"

    def fields(self, address: str) -> Mapping[str, str]:
        return self.get(address).properties

    def started(self) -> int:
        return self.automations.total()

    def tags(self, address: str) -> frozenset[str]:
        contact = self.get(address)
        return frozenset(each.name for each in self.lists.values() if contact.id in each.members)

    # ------------------------------------------------------------ the account's rules

    def authorized(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.secret}"

    def problem(self, status: int) -> Json:
        categories = {401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES", 404: "OBJECT_NOT_FOUND", 429: "RATE_LIMITS"}
        detail = {"message": "missing", "context": {"requiredScopes": ["crm.lists.write"]}}
        return error(categories[status], "See the documentation.", errors=[detail] if status == 403 else [])

    def stamped(self) -> Mapping[str, str]:
        return self.stamps

    def _inputs(self, asked: Asked) -> list[Json]:
        inputs: list[Json] = asked.json["inputs"]
        if not 1 <= len(inputs) <= 100:
            raise Problem(400, error("VALIDATION_ERROR", "The maximum number of inputs is 100"))
        return inputs

    def upsert(self, asked: Asked) -> Answer:
        return self._written(asked, create=True)

    def update(self, asked: Asked) -> Answer:
        return self._written(asked, create=False)

    def _written(self, asked: Asked, *, create: bool) -> Answer:
        inputs = self._inputs(asked)
        for each in inputs:
            self._check(each)
        results, errors = [], []
        for each in inputs:
            try:
                contact, new = self._write(each, create=create)
                trace = {"objectWriteTraceId": each["objectWriteTraceId"]} if "objectWriteTraceId" in each else {}
                results.append(contact.body(**({"new": new} if create else {}), **trace))
            except Problem as problem:
                context = {} if self.vague else {"objectWriteTraceId": [each.get("objectWriteTraceId", "")]}
                errors.append(problem.answer.body | {"context": context})
        return self._batch(results, errors)

    def _check(self, each: Json) -> None:
        for name in each["properties"]:
            if name not in self.properties:
                detail = {"message": f'Property "{name}" does not exist', "code": "PROPERTY_DOESNT_EXIST"}
                raise Problem(400, error("VALIDATION_ERROR", "Property values were not valid", errors=[detail]))
        unique = each.get("idProperty")
        if unique is not None and unique != "email" and not self.properties[unique].get("hasUniqueValue"):
            raise Problem(400, error("VALIDATION_ERROR", "Unable to perform update/upsert by non-unique property"))

    def _write(self, each: Json, *, create: bool) -> tuple[FakeContact, bool]:
        unique = each.get("idProperty")
        found = self._by(unique, each["id"]) if unique else self.contacts.get(each["id"])
        if found is None and not create:
            raise Problem(404, error("OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric."))
        properties = {**({unique: each["id"]} if unique else {}), **each["properties"]}
        address = properties.get("email")
        if address in self.bad_addresses:
            detail = {"message": f"Email address {address} is invalid", "code": "INVALID_EMAIL"}
            raise Problem(400, error("VALIDATION_ERROR", "Property values were not valid", errors=[detail]))
        other = self._by("email", address) if address else None
        if other is not None and other is not found:
            raise Problem(409, error("CONFLICT", f"Contact already exists. Existing ID: {other.id}"))
        new = found is None
        contact = found or self.put(str(address))
        kept = {**contact.properties, **properties}
        contact.properties = {name: value for name, value in kept.items() if value != ""}
        contact.changed = self.tick()
        return contact, new

    def _by(self, name: str, value: str | None) -> FakeContact | None:
        return next((c for c in self.contacts.values() if c.properties.get(name) == value), None)

    def read(self, asked: Asked) -> Answer:
        name = asked.json.get("idProperty")
        ids = [each["id"] for each in self._inputs(asked)]
        found = [self._by(name, id_) if name else self.contacts.get(id_) for id_ in ids]
        missing = [id_ for id_, contact in zip(ids, found, strict=True) if contact is None]
        errors = [error("OBJECT_NOT_FOUND", "Could not get some CONTACT objects") | {"context": {"ids": missing}}]
        return self._batch([contact.body() for contact in found if contact], errors if missing else [])

    def _batch(self, results: list[Json], errors: list[Json]) -> Answer:
        stamp = self.now.isoformat()
        body = {"status": "COMPLETE", "results": results, "startedAt": stamp, "completedAt": stamp}
        return Answer(207 if errors else 200, body | ({"errors": errors, "numErrors": len(errors)} if errors else {}))

    def search(self, asked: Asked) -> Answer:
        body, indexed = asked.json, self.now - timedelta(seconds=self.lag)
        found = [
            c
            for c in self.contacts.values()
            if c.changed <= indexed and any(meets(c, group["filters"]) for group in body["filterGroups"])
        ]
        found.sort(key=lambda c: int(c.id))
        return Answer(200, {"total": len(found), "results": [c.body() for c in found[: body["limit"]]]})

    def list_properties(self, asked: Asked) -> Answer:
        wanted = asked.params.get("dataSensitivity", "non_sensitive")
        found = [p for p in self.properties.values() if p.get("dataSensitivity", "non_sensitive") == wanted]
        return Answer(200, {"results": found})

    def make_list(self, asked: Asked) -> Answer:
        if any(each.name == asked.json["name"] for each in self.lists.values()):
            raise Problem(400, error("VALIDATION_ERROR", "A list with this name already exists"))
        return Answer(200, self.put_list(asked.json["name"], asked.json["processingType"]).body())

    def get_list(self, asked: Asked) -> Answer:
        return self._one(self.lists.get(asked.ids["listId"]))

    def find_list(self, asked: Asked) -> Answer:
        return self._one(next((each for each in self.lists.values() if each.name == asked.ids["listName"]), None))

    def _one(self, found: FakeList | None) -> Answer:
        return Answer(200, found.body()) if found else Answer(404, self.problem(404))

    def change_list(self, asked: Asked) -> Answer:
        found = self.lists.get(asked.ids["listId"])
        if found is None:
            return Answer(404, self.problem(404))
        add = [ref for ref in asked.json["recordIdsToAdd"] if ref in self.contacts]
        removed = [ref for ref in asked.json["recordIdsToRemove"] if ref in found.members]
        added = [ref for ref in add if ref not in found.members]
        self.automations.update((self.contacts[ref].properties["email"], found.name) for ref in added)
        found.members |= set(added)
        found.members -= set(removed)
        missing = [ref for ref in asked.json["recordIdsToAdd"] if ref not in self.contacts]
        return Answer(200, {"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": missing})

    def read_opt_outs(self, asked: Asked) -> Answer:
        results = []
        for address in self._inputs(asked):
            contact = self._by("email", str(address).lower())
            stopped = contact is not None and contact.stopped
            status = {"channel": "EMAIL", "status": "UNSUBSCRIBED", "subscriberIdString": address}
            status |= {"timestamp": self.now.isoformat(), "wideStatusType": "PORTAL_WIDE"}
            results.append({"subscriberIdString": address, "wideStatuses": [status] if stopped else []})
        return self._batch(results, [])

    def read_statuses(self, asked: Asked) -> Answer:
        results = []
        for address in self._inputs(asked):
            mine = [(id_, status) for (about, id_), status in self.statuses.items() if about == address]
            results.append(
                {
                    "subscriberIdString": address,
                    "statuses": [
                        {"channel": "EMAIL", "source": "x", "status": status, "subscriberIdString": address}
                        | {"subscriptionId": id_, "timestamp": self.now.isoformat()}
                        for id_, status in mine
                    ],
                }
            )
        return self._batch(results, [])

    def opt_out(self, asked: Asked) -> Answer:
        for address in self._inputs(asked):
            self.act(str(address), "unsubscribed")
        return self._batch([], [])
