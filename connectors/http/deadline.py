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
from ssl import SSLContext
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from connectors.http.origin import is_public

_running = threading.local()


def begin(seconds: float, *, public_only: bool = False) -> None:
    """Starts the deadline of the request that this thread is about to make.

    With `public_only` a connection to an address that is not on the public internet is closed before a byte is sent.
    """
    _running.until = time.monotonic() + seconds
    _running.public_only, _running.turned_back = public_only, False


def extend(seconds: float, last: float) -> None:
    """Moves the deadline to `seconds` from now, but not beyond `last` (by `time.monotonic`)."""
    _running.until = min(time.monotonic() + seconds, last)


def turned_back() -> bool:
    """True when this thread's request was kept from an address that is not public."""
    return bool(getattr(_running, "turned_back", False))


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


def _guarded(sock: socket.socket) -> socket.socket:
    """Looks at the address that was really connected to: a name may resolve otherwise from one moment to the next."""
    if getattr(_running, "public_only", False) and not is_public(str(sock.getpeername()[0])):
        sock.close()
        _running.turned_back = True
        raise OSError
    return sock


class _PlainConnection(HTTPConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        return _guarded(super()._new_conn())


class _TlsConnection(HTTPSConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        return _guarded(super()._new_conn())


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class DeadlineAdapter(HTTPAdapter):
    """The transport of requests on connections that keep the deadline. It keeps no cookies and follows nothing.

    `trust` is a TLS context with further certificates to trust.
    """

    def __init__(self, trust: SSLContext | None = None) -> None:
        self._trust = trust
        super().__init__(pool_maxsize=16)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trust, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, ssl_context=self._trust, **kwargs)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return manager
