"""How often a token endpoint is asked, so that refused credentials do not lock an account."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from connectors.base import Memo, Misconfigured, Unavailable

KEY: Final = "token"
"""Under which the memo keeps refusals: {for, refused: [instants]}; absent while there are none."""
MOST_REFUSED: Final = 6
MOST_ASKED: Final = 120
_HOUR: Final = timedelta(hours=1)


class Allowance:
    """Counts what a token endpoint was asked, and what it refused, within an hour.

    Refusals are kept in the memo, across restarts, for one identity: other credentials begin anew.
    """

    def __init__(self, memo: Memo, clock: Callable[[], datetime], setting: str) -> None:
        self._memo, self._clock, self._setting = memo, clock, setting
        self._asked: list[datetime] = []
        self._lock = Lock()

    def take(self, identity: str) -> None:
        """Counts one request; raises Misconfigured (credentials) or Unavailable where there must be none now."""
        with self._lock:
            now = self._clock()
            refused = self._refused(identity, now)
            if len(refused) >= MOST_REFUSED:
                raise Misconfigured(
                    self._setting,
                    f"the token endpoint has refused prm-sync {len(refused)} times within an hour; it is asked again"
                    f" after {refused[0] + _HOUR:%H:%M} UTC, when the credentials change, or by: prm-sync check --live",
                    credentials=True,
                )
            self._asked = [at for at in self._asked if timedelta(0) <= now - at < _HOUR]
            if len(self._asked) >= MOST_ASKED:
                wait = (self._asked[0] + _HOUR - now).total_seconds()
                raise Unavailable(f"{MOST_ASKED} tokens were asked for within an hour", retry_after=max(wait, 1.0))
            self._asked.append(now)

    def refused(self, identity: str) -> None:
        """Counts a refusal."""
        with self._lock:
            now = self._clock()
            times = [*self._refused(identity, now), now]
            self._memo.put(KEY, {"for": identity, "refused": [at.isoformat() for at in times]})

    def granted(self) -> None:
        """Forgets refusals: the credentials are good. A person who looks into it may say so, too."""
        with self._lock:
            if self._memo.get(KEY) is not None:
                self._memo.drop(KEY)

    def _refused(self, identity: str, now: datetime) -> list[datetime]:
        kept = self._memo.get(KEY)
        if kept is None or kept.get("for") != identity:
            return []
        times = [datetime.fromisoformat(at) for at in kept["refused"]]
        return [at for at in times if timedelta(0) <= now - at < _HOUR]
