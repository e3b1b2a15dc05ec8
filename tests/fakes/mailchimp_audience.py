"""The rules of one Mailchimp audience, as documented for the Marketing API 3.0, kept in memory.

A member's status may be lowered by anyone and raised by nobody but the contact; tags are written by the tags call
only; a tag that is added without `is_syncing` starts automations, and so does joining.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
WRITABLE = frozenset({"subscribed", "unsubscribed", "cleaned", "pending"})


def member_id(address: str) -> str:
    return hashlib.md5(address.strip().lower().encode(), usedforsecurity=False).hexdigest()


class Problem(Exception):
    """A refusal, as its status, title, detail and field errors."""

    def __init__(self, status: int, title: str, detail: str, errors: list[Json] | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.errors = status, title, detail, errors or []

    def body(self) -> Json:
        body: Json = {"title": self.title, "status": self.status, "detail": self.detail, "instance": "7f3c"}
        return body | ({"errors": self.errors} if self.errors else {})


@dataclass
class FakeMember:
    """What the audience holds of one address."""

    address: str
    status: str
    changed: datetime
    fields: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)  # casefolded name -> name as first written
    reason: str | None = None
    former: str | None = None

    def body(self) -> Json:
        return {
            "id": member_id(self.address),
            "email_address": self.address,
            "status": self.status,
            "merge_fields": dict(self.fields),
            "tags": [{"id": i, "name": name} for i, name in enumerate(list(self.tags.values())[:50])],
            "tags_count": len(self.tags),
            "last_changed": self.changed.isoformat(),
            **({"unsubscribe_reason": self.reason} if self.reason else {}),
        }


class FakeAudience:
    """Members by id, and what their changes set off. `now` is the provider's clock; each change moves it a second."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
        self.members: dict[str, FakeMember] = {}
        self.forgotten: set[str] = set()
        self.fake_looking: set[str] = set()
        self.merge_fields: dict[str, Json] = {
            "FNAME": {"tag": "FNAME", "type": "text", "required": False, "options": {"size": 25}},
            "LNAME": {"tag": "LNAME", "type": "text", "required": False, "options": {"size": 25}},
            "LANG": {"tag": "LANG", "type": "text", "required": False, "options": {"size": 25}},
        }
        self.trigger_tags: frozenset[str] | None = None  # None: every tag starts a flow
        self.automations: Counter[tuple[str, str]] = Counter()
        self.joined: Counter[str] = Counter()
        self.events: list[tuple[str, str]] = []
        self.raised: list[tuple[str, str]] = []  # every status that an API call brought back to subscribed

    # ------------------------------------------------------------ what people do at the provider

    def get(self, address: str) -> FakeMember:
        return self.members[member_id(address)]

    def put(self, address: str, status: str = "subscribed", **more: Any) -> FakeMember:
        """Someone at the practice, or a sign-up form, sets a member."""
        self.members[member_id(address)] = FakeMember(address, status, self.tick(), **more)
        return self.get(address)

    def act(self, address: str, status: str, reason: str | None = None) -> None:
        """The contact unsubscribes, bounces or returns, or a human archives."""
        member = self.get(address)
        member.former, member.status = member.status, status
        member.changed, member.reason = self.tick(), reason

    def forget(self, address: str) -> None:
        """Deleted for good: cannot be imported again, and looks as if it never was."""
        del self.members[member_id(address)]
        self.forgotten.add(member_id(address))

    def tick(self, seconds: float = 1) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    # ------------------------------------------------------------ what the API does

    def find(self, ref: str) -> FakeMember:
        if ref not in self.members:
            raise Problem(404, "Resource Not Found", "The requested resource could not be found.")
        return self.members[ref]

    def batch(self, body: Json, *, lenient: bool) -> Json:
        """POST /lists/{list_id}: partial failure is a 200 with errors."""
        if len(body["members"]) > 500:
            raise Problem(400, "Invalid Resource", "Members may not contain more than 500 items.")
        new: list[Json] = []
        updated: list[Json] = []
        errors: list[Json] = []
        for each in body["members"]:
            try:
                into = updated if member_id(each["email_address"]) in self.members else new
                into.append(self._batched(each, update=bool(body.get("update_existing")), lenient=lenient).body())
            except Problem as problem:
                code = "ERROR_CONTACT_EXISTS" if problem.title == "Member Exists" else "ERROR_GENERIC"
                errors.append({"email_address": each["email_address"], "error": problem.detail, "error_code": code})
        counts = {"total_created": len(new), "total_updated": len(updated), "error_count": len(errors)}
        return {"new_members": new, "updated_members": updated, "errors": errors} | counts

    def _batched(self, each: Json, *, update: bool, lenient: bool) -> FakeMember:
        ref = member_id(each["email_address"])
        if ref not in self.members:
            return self.add(each, lenient=lenient)
        if not update:
            raise Problem(400, "Member Exists", f"{each['email_address']} is already a list member.")
        return self.patch(ref, each, lenient=lenient)

    def add(self, body: Json, *, lenient: bool) -> FakeMember:
        """POST /lists/{list_id}/members: the only member write that takes tags."""
        address = body["email_address"]
        ref = member_id(address)
        if ref in self.members:
            raise Problem(400, "Member Exists", f"{address} is already a list member. Use PUT to insert or update.")
        if ref in self.forgotten:
            detail = f"{address} was permanently deleted and cannot be re-imported."
            raise Problem(400, "Forgotten Email Not Subscribed", detail)
        if address in self.fake_looking:
            raise Problem(400, "Invalid Resource", f"{address} looks fake or invalid, please enter a real email.")
        fields = self.checked(body.get("merge_fields") or {}, lenient=lenient)
        member = self.put(address, _writable(body.get("status", "subscribed")), fields=fields)
        if member.status == "subscribed":
            self.joined[address] += 1
        return member

    def patch(self, ref: str, body: Json, *, lenient: bool) -> FakeMember:
        """PATCH: changes what is named; tags are ignored without a word."""
        member = self.find(ref)
        fields = self.checked(body.get("merge_fields") or {}, lenient=lenient)
        if "status" in body:
            self._set_status(member, _writable(body["status"]))
        if "email_address" in body:
            member = self._rename(ref, member, body["email_address"])
        member.fields |= fields
        member.fields = {tag: value for tag, value in member.fields.items() if value != ""}
        member.changed = self.tick()
        return member

    def _set_status(self, member: FakeMember, status: str) -> None:
        if status == "subscribed" and member.status in {"unsubscribed", "cleaned"}:
            detail = f"{member.address} is in a compliance state due to unsubscribe, bounce or compliance review."
            raise Problem(400, "Member In Compliance State", detail)
        if status == "subscribed" and member.status != "subscribed":
            self.raised.append((member.address, member.status))
            self.joined[member.address] += 1
        member.status = status

    def _rename(self, ref: str, member: FakeMember, address: str) -> FakeMember:
        other = member_id(address)
        if other != ref and other in self.members:
            detail = f'"{address}" is already in this list with a status of "subscribed".'
            raise Problem(400, "Invalid Resource", detail)
        del self.members[ref]
        member.address = address
        self.members[other] = member
        return member

    def archive(self, ref: str) -> None:
        member = self.find(ref)
        if member.status == "archived":
            raise Problem(405, "Method Not Allowed", "This list member cannot be removed.")
        member.former, member.status, member.changed = member.status, "archived", self.tick()

    def happen(self, ref: str, body: Json) -> None:
        if not 2 <= len(body["name"]) <= 30:
            raise Problem(400, "Invalid Resource", "The name must be 2 to 30 characters long.")
        self.events.append((self.find(ref).address, body["name"]))

    def erase(self, ref: str) -> None:
        self.forget(self.find(ref).address)

    def tag(self, ref: str, body: Json) -> None:
        member = self.find(ref)
        for each in body["tags"]:
            key = each["name"].casefold()
            if each["status"] == "inactive":
                member.tags.pop(key, None)
            elif key not in member.tags:
                member.tags[key] = each["name"]
                self._started(member, each["name"], quiet=bool(body.get("is_syncing")))
        member.changed = self.tick()

    def _started(self, member: FakeMember, tag: str, *, quiet: bool) -> None:
        if not quiet and (self.trigger_tags is None or tag in self.trigger_tags):
            self.automations[member.address, tag] += 1

    def page(self, params: Mapping[str, str]) -> Json:
        """GET members: without a status subscribed, unsubscribed, cleaned and the like; archived only if asked for."""
        count = int(params.get("count", 10))
        if count > 1000:
            raise Problem(400, "Invalid Resource", "The count may not exceed 1000.")
        since = params.get("since_last_changed")
        found = [m for m in self.members.values() if _listed(m, params.get("status"))]
        if since:
            found = [m for m in found if m.changed > datetime.fromisoformat(since)]
        found.sort(key=lambda m: m.changed, reverse=params.get("sort_dir") == "DESC")
        offset = int(params.get("offset", 0))
        return {"members": [m.body() for m in found[offset : offset + count]], "total_items": len(found)}

    def add_field(self, body: Json) -> Json:
        """POST merge-fields: tags are unique, ten capital letters, digits or underscores, thirty to an audience."""
        if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,9}", body["tag"]) or body["tag"] in self.merge_fields:
            raise Problem(400, "Invalid Resource", "A merge field with this tag exists already.")
        if len(self.merge_fields) >= 30:
            raise Problem(400, "Invalid Resource", "This list already has the maximum number of merge fields.")
        self.merge_fields[body["tag"]] = dict(body)
        return dict(body)

    def checked(self, fields: Json, *, lenient: bool) -> dict[str, str]:
        """Validates merge fields by type, and required ones unless validation is skipped."""
        errors = [
            {"field": tag, "message": "Please enter a month (01-12) and a day (01-31)"}
            for tag, value in fields.items()
            if self.merge_fields.get(tag, {}).get("type") == "birthday" and not re.fullmatch(r"\d\d/\d\d|", str(value))
        ]
        errors += [
            {"field": tag, "message": "Please enter a value"}
            for tag, known in self.merge_fields.items()
            if known["required"] and not fields.get(tag) and not lenient
        ]
        if errors:
            raise Problem(400, "Invalid Resource", "Your merge fields were invalid.", errors)
        return {tag: str(value) for tag, value in fields.items() if tag in self.merge_fields}


def _writable(status: str) -> str:
    if status not in WRITABLE:
        raise Problem(400, "Invalid Resource", "The status is not one of the allowed values.")
    return status


def _listed(member: FakeMember, status: str | None) -> bool:
    return member.status != "archived" if status is None else member.status == status
