"""How many calls an account has had, for reports."""

from threading import Lock


class Traffic:
    """Counts calls, repeated ones too: `reads` are GETs, `writes` everything else. Threads may share one."""

    def __init__(self) -> None:
        self.reads = 0
        self.writes = 0
        self._lock = Lock()

    def count(self, method: str) -> None:
        """Counts one call."""
        with self._lock:
            if method == "GET":
                self.reads += 1
            else:
                self.writes += 1
