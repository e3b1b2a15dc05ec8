"""Notices that the machine's clock was moved: a scheduler that sleeps by the wall clock would sleep on or skip.

Measured with APScheduler 3.11: after a step back it sleeps for the length of the step, and only a new
`next_run_time` wakes its interval jobs.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

JUMP_S: Final = 60.0
"""Smaller steps are those of a clock that is kept right."""


class Drift:
    """How far the wall clock has run away from the monotonic one since it was last told."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._offset = wall() - monotonic()

    def jump(self) -> float | None:
        """Seconds by which the clock was moved (below 0: back), once a jump; None when it was not."""
        offset = self._wall() - self._monotonic()
        moved = offset - self._offset
        if abs(moved) <= JUMP_S:
            return None
        self._offset = offset
        return moved


class ClockWatch(threading.Thread):
    """Looks once a second, in a thread of its own: the scheduler's may be asleep."""

    def __init__(self, moved: Callable[[float], None], drift: Drift | None = None, every_s: float = 1.0) -> None:
        super().__init__(name="clock-watch", daemon=True)
        self._moved, self._drift, self._every_s = moved, drift or Drift(), every_s
        self._ended = threading.Event()

    def run(self) -> None:
        """Calls `moved` with the seconds of each jump until the end."""
        while not self._ended.wait(self._every_s):
            seconds = self._drift.jump()
            if seconds is not None:
                self._moved(seconds)

    def end(self) -> None:
        """Ends the watch."""
        self._ended.set()
        self.join()
