"""When a request is made again, and after how long."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from tenacity import RetryCallState, Retrying, retry_if_result, wait_random_exponential

SHORTEST_WAIT = 1.0
LONGEST_WAIT = 300.0


class Trouble(NamedTuple):
    """Why there is no usable answer. `again`: it may be repeated; `acted`: the other side may have done the work."""

    reason: str
    again: bool
    acted: bool
    retry_after: float | None = None


class Patience(NamedTuple):
    """How often a request is tried, the widest window of the jitter, and the seconds spent waiting in all."""

    attempts: int = 5
    window: float = 30.0
    seconds: float = 60.0


def retry_after(header: str | None, now: str | None) -> float | None:
    """Reads Retry-After (RFC 9110, 10.2.3: seconds or a date), kept between 1 s and 5 min; None when unreadable.

    `now` is the answer's own Date header, so that a wrong local clock does not matter.
    """
    if header is None:
        return None
    seconds = _seconds(header.strip(), now)
    return None if seconds is None else min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)


def _seconds(text: str, now: str | None) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until = http_date(text)
    if until is None:
        return None
    return (until - (http_date(now) or datetime.now(UTC))).total_seconds()


def http_date(text: str | None) -> datetime | None:
    """Reads an HTTP date as an aware instant; None when it is absent or is no date."""
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def retrying(patience: Patience, sleep: Callable[[float], None]) -> Retrying:
    """Repeats a call that returns Trouble, with full jitter or as Retry-After says; returns the last result.

    A wait that would outlast the patience is not begun: the caller is told at once.
    """
    jitter = wait_random_exponential(multiplier=1, max=patience.window)

    def wait(state: RetryCallState) -> float:
        trouble = _result(state)
        return trouble.retry_after if trouble and trouble.retry_after is not None else float(jitter(state))

    def stop(state: RetryCallState) -> bool:
        return state.attempt_number >= patience.attempts or state.idle_for + state.upcoming_sleep > patience.seconds

    return Retrying(
        stop=stop,
        wait=wait,
        retry=retry_if_result(lambda result: isinstance(result, Trouble) and result.again),
        sleep=sleep,
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )


def _result(state: RetryCallState) -> Trouble | None:
    result = state.outcome.result() if state.outcome else None
    return result if isinstance(result, Trouble) else None
