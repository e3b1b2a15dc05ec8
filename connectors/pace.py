"""Keeps to a provider's rate as its answers tell it."""

import threading
import time
from collections.abc import Callable, Mapping

from connectors.base import Unavailable
from connectors.settling import CALLS


class Pace:
    """Waits for the next window where few calls are left in this one, and gives up for now where the day's are used up.

    HubSpot, usage guidelines: X-HubSpot-RateLimit-Remaining of -Max calls in -Interval-Milliseconds, and
    -Daily-Remaining (https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines).
    """

    def __init__(self, prefix: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._prefix, self._sleep = prefix, sleep
        self._lock = threading.Lock()
        self._wait = 0.0
        self._used_up = False

    def keep(self) -> None:
        """Waits if need be; raises Unavailable when the day's calls are used up."""
        with self._lock:
            if self._used_up:
                self._used_up = False
                raise Unavailable("the account's calls of the day are used up", retry_after=3600.0)
            wait, self._wait = self._wait, 0.0
            if wait:
                self._sleep(wait)

    def note(self, headers: Mapping[str, str]) -> None:
        """Reads what an answer says is left."""
        left, window = self._number(headers, "remaining"), self._number(headers, "interval-milliseconds")
        daily = self._number(headers, "daily-remaining")
        with self._lock:
            if left is not None and left < CALLS:
                self._wait = min(max(window or 10_000, 1_000), 60_000) / 1000
            if daily == 0:
                self._used_up = True

    def _number(self, headers: Mapping[str, str], name: str) -> int | None:
        text = headers.get(f"{self._prefix}{name}", "")
        return int(text) if text.isascii() and text.isdigit() else None
