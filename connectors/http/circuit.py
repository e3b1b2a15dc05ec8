"""Leaves an outside system alone for a while when it has failed again and again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final, NamedTuple

from connectors.base import Json, Memo, Unavailable

KEY: Final = "circuit"
"""Under which the memo keeps it: {failures, pauses, until}; absent while all is well."""


class Breaker(NamedTuple):
    """How many calls in a row must fail (each after all its retries), and the first and the longest pause, in seconds.

    Each pause is twice as long as the one before.
    """

    failures: int = 3
    pause: float = 60.0
    longest: float = 3600.0


USUAL: Final = Breaker()


class _State(NamedTuple):
    failures: int = 0
    pauses: int = 0
    until: datetime | None = None


class Circuit:
    """The state of one source's connection; survives restarts in the source's memo. Safe for several threads.

    Closed: every call goes out. Open: none does, until the pause is over. Then one call tries; its success closes
    the circuit, its failure opens it for longer. `clock` gives the present instant, aware.
    """

    def __init__(self, memo: Memo, clock: Callable[[], datetime], breaker: Breaker = USUAL) -> None:
        self._memo, self._clock, self._breaker = memo, clock, breaker
        self._lock = Lock()
        self._state: _State | None = None
        self._trying = False
        self._ticks = self._failed_at = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wraps one call; raises Unavailable at once while the circuit is open.

        Unavailable out of the block is a failure; anything else says nothing about the system's health.
        """
        begun, trial = self._enter()
        try:
            yield
        except Unavailable as error:
            self._failed(begun, trial, error.retry_after or 0.0)
            raise
        except BaseException:
            self._left(trial)
            raise
        else:
            self._succeeded(trial)

    def _enter(self) -> tuple[int, bool]:
        with self._lock:
            state, now = self._read(), self._clock()
            self._ticks += 1
            if state.until is None:
                return self._ticks, False
            # A clock that was set back must not lengthen the pause.
            wait = min((state.until - now).total_seconds(), self._breaker.longest)
            if wait > 0 or self._trying:
                raise Unavailable(
                    f"it has failed {state.failures} times in a row and is left alone until"
                    f" {now + timedelta(seconds=max(wait, 1.0)):%H:%M} UTC",
                    retry_after=max(wait, 1.0),
                )
            self._trying = True
            return self._ticks, True

    def _failed(self, begun: int, trial: bool, retry_after: float) -> None:
        with self._lock:
            if trial:
                self._trying = False
            # Calls that were under way together fail together: that is one failure.
            if begun <= self._failed_at:
                return
            self._failed_at = self._ticks
            state = self._read()
            failures, pauses, until = state.failures + 1, state.pauses, state.until
            if trial or failures >= self._breaker.failures:
                pauses += 1
                until = self._clock() + timedelta(seconds=self._pause(pauses, retry_after))
            self._write(_State(failures, pauses, until))

    def _pause(self, pauses: int, retry_after: float) -> float:
        grown = self._breaker.pause * 2.0 ** min(pauses - 1, 16)
        return min(max(grown, retry_after), self._breaker.longest)

    def _succeeded(self, trial: bool) -> None:
        with self._lock:
            if trial:
                self._trying = False
            if self._read() != _State() and (trial or self._read().until is None):
                self._state = _State()
                self._memo.drop(KEY)

    def _left(self, trial: bool) -> None:
        with self._lock:
            if trial:
                self._trying = False

    def _read(self) -> _State:
        if self._state is None:
            self._state = _state(self._memo.get(KEY))
        return self._state

    def _write(self, state: _State) -> None:
        self._state = state
        until = state.until.isoformat() if state.until is not None else None
        self._memo.put(KEY, {"failures": state.failures, "pauses": state.pauses, "until": until})


def _state(stored: Json | None) -> _State:
    if stored is None:
        return _State()
    until = datetime.fromisoformat(stored["until"]) if stored["until"] else None
    return _State(stored["failures"], stored["pauses"], until)


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)
