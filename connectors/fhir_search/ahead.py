"""One call made in a thread of its own, while what came before it is being used."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Makes a call at once; `result` waits for it and returns, or raises, what came of it.

    The thread is a daemon: one whose result nobody wants any more does not keep the process alive.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._found: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.append(self._call())
        except BaseException as error:
            self._error = error

    def result(self) -> T:
        """Waits for the call's end."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found[0]
