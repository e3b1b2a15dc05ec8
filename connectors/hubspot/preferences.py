"""Communication preferences: who has opted out of e-mail, asked and written by address in the body, never in a URL."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.http import Request
from connectors.hubspot.portal import MAX_BATCH, Portal

_STATUSES: Final = "/communication-preferences/v4/statuses/batch"
_EMAIL: Final = {"channel": "EMAIL"}


class Preferences:
    """Opt-outs of all e-mail and, with a subscription type's id, of that."""

    def __init__(self, portal: Portal, subscription: int | None) -> None:
        self._portal, self._subscription = portal, subscription

    def opted_out(self, addresses: Sequence[str]) -> frozenset[str]:
        """Those of the addresses that must not be mailed, in small letters."""
        found = set(self._ask(f"{_STATUSES}/unsubscribe-all/read", addresses, "wideStatuses"))
        if self._subscription is not None:
            found |= set(self._ask(f"{_STATUSES}/read", addresses, "statuses"))
        return frozenset(found)

    def opt_out(self, addresses: Sequence[str]) -> None:
        """Unsubscribes addresses from all e-mail, for good."""
        path = f"{_STATUSES}/unsubscribe-all"
        for start in range(0, len(addresses), MAX_BATCH):
            body = {"inputs": list(addresses[start : start + MAX_BATCH])}
            self._portal.write(Request(method="POST", path=path, template=path, params=_EMAIL, json=body))

    def _ask(self, path: str, addresses: Sequence[str], key: str) -> Iterator[str]:
        for start in range(0, len(addresses), MAX_BATCH):
            answer = self._portal.ask(path, {"inputs": list(addresses[start : start + MAX_BATCH])}, _EMAIL)
            for each in answer.get("results") or ():
                if isinstance(each, dict) and any(self._closes(status) for status in each.get(key) or ()):
                    yield str(each.get("subscriberIdString", "")).lower()

    def _closes(self, status: Mapping[str, Any]) -> bool:
        about = "subscriptionId" not in status or status.get("subscriptionId") == self._subscription
        return about and status.get("status") == "UNSUBSCRIBED"
