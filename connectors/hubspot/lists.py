"""Lists: one manual list a tag, found or made by its name, with records added and removed in batches."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from connectors.base import Misconfigured, Unavailable
from connectors.http import Request, Unsettled
from connectors.hubspot.portal import Declined, Portal

_LISTS: Final = "/crm/v3/lists"
_CONTACT: Final = "0-1"
"""The object type of contacts."""
_FIXED: Final = frozenset({"MANUAL", "SNAPSHOT"})
"""Processing types whose members are written by hand or by API; a DYNAMIC list finds its own."""


class Lists:
    """The lists of an account, as `connectors.labels.Shelf`; a list's id outlives its renaming."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def held(self, label: str) -> bool:
        """True when the list is there, and not in the bin."""
        found = self._list(self._portal.read(f"{_LISTS}/{label}", f"{_LISTS}/{{listId}}"))
        return found is not None and not found.get("deletedAt")

    def find(self, name: str) -> str | None:
        """The id of the list of this name; raises Misconfigured when it finds its members by itself."""
        template = f"{_LISTS}/object-type-id/{_CONTACT}/name/{{listName}}"
        found = self._list(self._portal.read(template.replace("{listName}", quote(name, safe="")), template))
        if found is None or found.get("deletedAt"):
            return None
        if found.get("processingType") not in _FIXED:
            raise Misconfigured(
                f"{self._portal.place}.segments",
                f"HubSpot has an active list named {name}, whose members it chooses itself; rename that list",
            )
        return str(found["listId"])

    def make(self, name: str) -> str:
        """Makes a manual list of contacts."""
        body = {"name": name, "objectTypeId": _CONTACT, "processingType": "MANUAL"}
        try:
            found = self._list(self._portal.write(self._request("POST", _LISTS, body)))
        except Declined as declined:
            again = self.find(name)
            if again is None:
                raise Misconfigured(
                    f"{self._portal.place}.segments",
                    f"HubSpot would not make a list named {name} ({declined.verdict.code})",
                ) from None
            return again
        if found is None:
            raise Unsettled("POST /crm/v3/lists: the answer is no list")
        return str(found["listId"])

    def change(self, label: str, add: Sequence[str], remove: Sequence[str]) -> frozenset[str]:
        """Adds and removes record ids; returns those that HubSpot has no record of."""
        path = f"{_LISTS}/{label}/memberships/add-and-remove"
        template = f"{_LISTS}/{{listId}}/memberships/add-and-remove"
        body = {"recordIdsToAdd": list(add), "recordIdsToRemove": list(remove)}
        answer = self._portal.write(self._request("PUT", path, body, template))
        missing = answer.get("recordIdsMissing")
        return frozenset(str(each) for each in missing) if isinstance(missing, list) else frozenset()

    def _request(self, method: str, path: str, body: Any, template: str = "") -> Request:
        return Request(method=method, path=path, template=template or path, json=body)

    def _list(self, answer: Any) -> dict[str, Any] | None:
        """The list of an answer; None where there is none."""
        if answer is None:
            return None
        found = answer.get("list", answer) if isinstance(answer, dict) else None
        if not isinstance(found, dict) or not found.get("listId"):
            raise Unavailable("GET /crm/v3/lists: the answer is no list")
        return found
