"""Passes that die: a forked child that ends like a power cut at a chosen commit or call to the provider.

Where many deaths of one pass are wanted, `at_commits` shows what each of them would leave, and the pass runs but once.
"""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

from requests.adapters import HTTPAdapter
from sqlalchemy import Connection, event

from sync.build import Service

Spot = Literal["before_commit", "before_call", "after_call"]
_DEAD = 77


@dataclass(frozen=True, slots=True)
class Death:
    """Where a pass ends: at the n-th commit of a write or the n-th call, counted from 1."""

    spot: Spot
    number: int


def dies(service: Service, act: Callable[[], object], death: Death) -> bool:
    """Acts in a child that is to die; True if it did, False if there were fewer commits or calls.

    `service` has no open connection, and no thread of this process holds a lock that the child needs: those of the
    fakes' servers wait for requests.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads; see above
        child = os.fork()
    if child == 0:
        _act(service, act, death)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, _DEAD):
        raise AssertionError(f"the pass ended with {code}")
    return code == _DEAD


def at_commits(service: Service, act: Callable[[], object], look: Callable[[], object]) -> None:
    """Acts, and lets `look` see before each commit of a write what a power cut there leaves on the disk."""

    def commit(connection: Connection) -> None:
        if connection.get_execution_options().get("write"):
            look()

    event.listen(service.engine, "commit", commit)
    try:
        act()
    finally:
        event.remove(service.engine, "commit", commit)


def _act(service: Service, act: Callable[[], object], death: Death) -> None:
    """Never returns: whatever happens, the child must not go on as a second test run."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        count = _Countdown(death.number)
        if death.spot == "before_commit":
            event.listen(service.engine, "commit", count.commit)
        else:
            _count_calls(count, before=death.spot == "before_call")
        act()
        os._exit(0)
    finally:
        os._exit(1)


class _Countdown:
    def __init__(self, number: int) -> None:
        self._left, self._lock = number, Lock()

    def down(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os._exit(_DEAD)

    def commit(self, connection: Connection) -> None:
        if connection.get_execution_options().get("write"):
            self.down()


def _count_calls(count: _Countdown, *, before: bool) -> None:
    """Counts requests on the wire; after_call dies when the provider has acted and nobody has heard of it."""
    send = HTTPAdapter.send

    def counted(self: HTTPAdapter, *request: Any, **how: Any) -> Any:
        if before:
            count.down()
        response = send(self, *request, **how)
        if not before:
            count.down()
        return response

    HTTPAdapter.send = counted  # type: ignore[method-assign]  # in a process of its own
