"""A server on raw sockets that answers exactly as badly as a test wants."""

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

Act = Callable[[socket.socket, threading.Event], None]


def answer(status: int, body: bytes = b"{}", **headers: str) -> Act:
    """A whole answer; header names are written with underscores."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} Status\r\nContent-Length: {len(body)}\r\n{lines}Connection: close\r\n\r\n"
    return raw(head.encode() + body)


def raw(sent: bytes) -> Act:
    """Sends these bytes and closes."""

    def act(connection: socket.socket, _closing: threading.Event) -> None:
        connection.sendall(sent)

    return act


def cut() -> Act:
    """Takes the request and closes without a word."""
    return raw(b"")


def drip(first: bytes, pause: float = 0.02) -> Act:
    """Sends `first`, then a byte every `pause` seconds until the client hangs up."""

    def act(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(first)
        while not closing.wait(pause):
            connection.sendall(b"x")

    return act


def hang() -> Act:
    """Takes the request and keeps silent until the server closes."""

    def act(_connection: socket.socket, closing: threading.Event) -> None:
        closing.wait(30)

    return act


class FaultServer:
    """Plays its acts in order, one a connection; the last one is repeated. `requests` holds what arrived."""

    def __init__(self, acts: Sequence[Act]) -> None:
        self._acts = list(acts)
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self.requests: list[bytes] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):  # wakes the acceptor
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            connection, _ = self._listener.accept()
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            request = _whole_request(connection)
            if request and not self._closing.is_set():
                self.requests.append(request)
                act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
                act(connection, self._closing)


def _whole_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        got = connection.recv(65536)
        if not got:
            return b""
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
