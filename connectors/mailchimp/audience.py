"""The calls on one audience. No address ever stands in a URL: members are named by the id that Mailchimp gave them."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Misconfigured, Unavailable
from connectors.http import HttpClient, Request, Response, Unsettled
from connectors.mailchimp.outcomes import Verdict, batch_error, refusal

MAX_BATCH = 500
MAX_PAGE = 1000
_BATCH_SECONDS = 60.0
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MEMBER = "/lists/{list_id}/members/{id}"
_READ = "id,email_address,status,merge_fields,tags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member as read: its id, state, merge fields as text, and up to 50 tags by casefolded name."""

    ref: str
    state: str
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What came of a create batch, by casefolded address."""

    members: Mapping[str, Member]
    errors: Mapping[str, Verdict]


class Declined(Exception):
    """Mailchimp refused a call on one member; says what that means."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.code)
        self.verdict = verdict


def id_of(address: str) -> str:
    """Returns the id that Mailchimp derives from an address; only for members whose own id is not known yet."""
    return hashlib.md5(address.strip().lower().encode(), usedforsecurity=False).hexdigest()


class Audience:
    """One audience. Methods raise Unavailable, Unsettled, Misconfigured (key, audience) or Declined.

    `wrote` is True once a write has, or may have, taken effect.
    """

    def __init__(self, client: HttpClient, audience: str, place: str) -> None:
        self._client, self._list, self._place = client, f"/lists/{audience}", place
        self.wrote = False
        self._there = False

    def create(self, members: Sequence[tuple[str, Mapping[str, str]]]) -> Created:
        """Adds up to 500 subscribers (address, merge fields), and changes none that is there already.

        `update_existing` says whether existing members' *status* is changed (Marketing API, POST /lists/{list_id});
        the answer is 200 even when members failed, and those are told by address.
        """
        body = {
            "members": [
                {"email_address": address, "status": "subscribed", "merge_fields": dict(fields)}
                for address, fields in members
            ],
            "update_existing": False,
        }
        response = self._send(
            Request(
                method="POST",
                path=self._list,
                template="/lists/{list_id}",
                params={"skip_merge_validation": "true"},
                json=body,
                idempotent=False,
                seconds=_BATCH_SECONDS,
            )
        )
        return _created(response)

    def read(self, ref: str) -> Member | None:
        """Reads a member; None when the audience holds none of this id."""
        response = self._send(
            Request(method="GET", path=self._member(ref), template=_MEMBER, params={"fields": _READ}), {404}
        )
        if response.status == 404:
            self.require()
            return None
        return _member(response)

    def change(self, ref: str, body: Mapping[str, Any]) -> Member:
        """Changes what `body` names and nothing else of an existing member."""
        return _member(
            self._send(
                Request(
                    method="PATCH",
                    path=self._member(ref),
                    template=_MEMBER,
                    params={"skip_merge_validation": "true"},
                    json=dict(body),
                )
            )
        )

    def tag(self, ref: str, tags: Mapping[str, bool], *, quiet: bool) -> None:
        """Adds (True) and removes (False) tags; with `quiet` no automation starts (`is_syncing`)."""
        body = {
            "tags": [{"name": name, "status": "active" if on else "inactive"} for name, on in sorted(tags.items())],
            "is_syncing": quiet,
        }
        self._send(Request(method="POST", path=f"{self._member(ref)}/tags", template=f"{_MEMBER}/tags", json=body))

    def archive(self, ref: str) -> None:
        """Archives a member; one that is gone or archived already (404, 405) is done."""
        self._send(Request(method="DELETE", path=self._member(ref), template=_MEMBER), {404, 405})

    def tell(self, ref: str, name: str) -> None:
        """Adds an event of 2 to 30 characters to a member; such a call is never repeated."""
        path, template = f"{self._member(ref)}/events", f"{_MEMBER}/events"
        self._send(Request(method="POST", path=path, template=template, json={"name": name}, idempotent=False))

    def erase(self, ref: str) -> bool:
        """Deletes a member for good, who then cannot be imported again; False when there was none.

        Raises Unavailable while the member can still be read.
        """
        path = f"{self._member(ref)}/actions/delete-permanent"
        template = f"{_MEMBER}/actions/delete-permanent"
        response = self._send(Request(method="POST", path=path, template=template), {404})
        if response.status == 404:
            self.require()
        if self.read(ref) is not None:
            raise Unavailable(f"{response.place}: the member is still there")
        return response.status != 404

    def page(self, params: Mapping[str, str | int]) -> Response:
        """Reads a page of members."""
        return self._send(
            Request(method="GET", path=f"{self._list}/members", template="/lists/{list_id}/members", params=params)
        )

    def merge_fields(self) -> Sequence[Mapping[str, Any]]:
        """Reads the audience's merge fields."""
        response = self._send(
            Request(
                method="GET",
                path=f"{self._list}/merge-fields",
                template="/lists/{list_id}/merge-fields",
                params={"count": MAX_PAGE},
            )
        )
        found = response.json()
        if not isinstance(found, dict) or not isinstance(found.get("merge_fields"), list):
            raise Unavailable(f"{response.place}: the answer is no list of merge fields")
        return [each for each in found["merge_fields"] if isinstance(each, dict)]

    def create_merge_field(self, body: Mapping[str, Any]) -> None:
        """Makes a merge field."""
        path, template = f"{self._list}/merge-fields", "/lists/{list_id}/merge-fields"
        self._send(Request(method="POST", path=path, template=template, json=dict(body), idempotent=False))

    def require(self) -> None:
        """Raises Misconfigured when the key's account has no such audience; asks once."""
        if self._there:
            return
        response = self._send(
            Request(method="GET", path=self._list, template="/lists/{list_id}", params={"fields": "id"}), {404}
        )
        if response.status == 404:
            raise self._no_audience()
        self._there = True

    def _no_audience(self) -> Misconfigured:
        return Misconfigured(f"{self._place}.audience", "the key's account has no audience of this id")

    def _member(self, ref: str) -> str:
        return f"{self._list}/members/{ref}"

    def _send(self, request: Request, fine: frozenset[int] | set[int] = frozenset()) -> Response:
        """Sends; a refusal that concerns the account raises Misconfigured, one that concerns the member Declined."""
        try:
            response = self._client.send(request)
        except Unsettled:
            self.wrote = True
            raise
        if response.status < 300 or response.status in fine:
            self.wrote = self.wrote or request.writes
            return response
        found = refusal(response)
        if found.stop is not None:
            raise Misconfigured(
                f"{self._place}.{found.stop}",
                f"Mailchimp refused the key ({response.status}); make a new one under Account, Extras, API keys",
                credentials=True,
            )
        if response.status == 404 and request.path != self._list:
            self.require()
        elif response.status == 404:
            raise self._no_audience()
        raise Declined(found)


def _created(response: Response) -> Created:
    answer = response.json()
    if not isinstance(answer, dict) or not isinstance(answer.get("new_members"), list):
        raise Unsettled(f"{response.place}: the answer is no batch result")
    entries = [each for each in (*answer["new_members"], *(answer.get("updated_members") or ())) if _readable(each)]
    errors = [each for each in answer.get("errors") or () if isinstance(each, dict)]
    return Created(
        members={str(each["email_address"]).casefold(): _of(each) for each in entries},
        errors={str(each.get("email_address", "")).casefold(): batch_error(each) for each in errors},
    )


def _member(response: Response) -> Member:
    answer = response.json()
    if not _readable(answer):
        raise (Unsettled if response.writes else Unavailable)(f"{response.place}: the answer is no member")
    return _of(answer)


def _readable(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("id"), str) and _ID.fullmatch(entry["id"]) is not None


def _of(entry: Mapping[str, Any]) -> Member:
    fields, tags = entry.get("merge_fields"), entry.get("tags")
    return Member(
        ref=entry["id"],
        state=str(entry.get("status", "")),
        fields={name: str(value) for name, value in fields.items()} if isinstance(fields, dict) else {},
        tags=frozenset(str(tag.get("name", "")).casefold() for tag in tags if isinstance(tag, dict))
        if isinstance(tags, list)
        else frozenset(),
    )
