"""The calls on one HubSpot account. No address ever stands in a URL."""

import re
from collections.abc import Mapping
from typing import Any, Final

from connectors.base import Misconfigured, Unavailable
from connectors.http import HttpClient, Request, Response, Unsettled
from connectors.hubspot.outcomes import Verdict, refusal
from connectors.pace import Pace

MAX_BATCH: Final = 100
_SCOPE: Final = re.compile(r"[a-z][a-z0-9._-]{2,60}")


class Declined(Exception):
    """HubSpot refused a call as a whole; says what that means."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.code)
        self.verdict = verdict


class Portal:
    """One account. Methods raise Unavailable, Unsettled, Misconfigured (token, property) or Declined.

    `wrote` is True once a write has, or may have, taken effect.
    """

    def __init__(self, client: HttpClient, place: str, pace: Pace) -> None:
        self._client, self.place, self._pace = client, place, pace
        self.wrote = False

    def read(self, path: str, template: str = "", params: Mapping[str, str | int] | None = None) -> Any:
        """GETs; None when there is no such thing."""
        request = Request(method="GET", path=path, template=template or path, params=params or {})
        response = self._send(request, {404})
        return None if response.status == 404 else response.json()

    def ask(self, path: str, body: Mapping[str, Any], params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """POSTs a question: it changes nothing."""
        request = Request(method="POST", path=path, template=path, params=params or {}, json=body, safe=True)
        return self._document(self._send(request))

    def write(self, request: Request) -> dict[str, Any]:
        """Sends a change and returns the answer's document."""
        return self._document(self._send(request))

    def _document(self, response: Response) -> dict[str, Any]:
        answer = response.json()
        if not isinstance(answer, dict):
            raise (Unsettled if response.writes else Unavailable)(f"{response.place}: the answer is no document")
        return answer

    def _send(self, request: Request, fine: frozenset[int] | set[int] = frozenset()) -> Response:
        self._pace.keep()
        try:
            response = self._client.send(request)
        except Unsettled:
            self.wrote = True
            raise
        self._pace.note(response.headers)
        if response.status < 300 or response.status in fine:
            self.wrote = self.wrote or request.writes
            return response
        error = response.json_object() or {}
        found = refusal(response.status, error)
        if found.stop is not None:
            raise self.stopped(found, error)
        raise Declined(found)

    def stopped(self, found: Verdict, error: Mapping[str, Any]) -> Misconfigured:
        """What is to be mended when a refusal concerns the account."""
        if found.stop != "token":
            return Misconfigured(
                f"{self.place}.{found.stop}",
                "HubSpot knows no such property of contacts, or it cannot be written; run: prm-sync check --live",
            )
        scopes = ", ".join(_scopes(error))
        advice = f"give the private app the scopes {scopes}" if scopes else "make a new token of the private app"
        return Misconfigured(f"{self.place}.token", f"HubSpot refused the token; {advice}", credentials=True)


def _scopes(error: Mapping[str, Any]) -> list[str]:
    """The scopes that a refusal says are missing (category MISSING_SCOPES)."""
    found: list[str] = []
    for detail in error.get("errors") or ():
        context = detail.get("context") if isinstance(detail, dict) else None
        for values in context.values() if isinstance(context, dict) else ():
            found += [value for value in values if isinstance(value, str) and _SCOPE.fullmatch(value)]
    return sorted(set(found))
