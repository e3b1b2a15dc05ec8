"""Connections that give up at a deadline, however slowly the other side drips.

The timeouts of requests count from one received byte to the next: a server that sends a byte now and then is
waited for without end (measured: a drip with timeout=1 ran 7.6 s). Here each read is given no more than what is
left until the deadline of the running request, the status line and the headers included.
"""

import io
import socket
import threading
import time
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_running = threading.local()


def begin(seconds: float) -> None:
    """Starts the deadline of the request that this thread is about to make."""
    _running.until = time.monotonic() + seconds


def remaining() -> float:
    """The seconds that are left to this thread's request; never negative."""
    return max(0.0, float(getattr(_running, "until", float("inf"))) - time.monotonic())


class _Reader(io.RawIOBase):
    """Reads a socket with a timeout that shrinks towards the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._step = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = remaining()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left if self._step is None else min(left, self._step))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    """An HTTP answer that is read through `_Reader`."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__(sock, debuglevel, method=method)
        self.fp.close()
        self.fp = io.BufferedReader(_Reader(sock))


class _PlainConnection(HTTPConnection):
    response_class = _Answer


class _TlsConnection(HTTPSConnection):
    response_class = _Answer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class DeadlineAdapter(HTTPAdapter):
    """The transport of requests on connections that keep the deadline. It keeps no cookies and follows nothing."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return manager
