"""The reading of an answer's body, into memory or into a file, within limits."""

import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from connectors.http.deadline import extend, remaining
from connectors.http.download import GZIP, Downloaded, Inflating, beside, finish
from connectors.http.message import KEPT_HEADERS
from connectors.http.retry import Patience, Trouble

_CHUNK: Final = 64 * 1024
_FREE: Final = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds to connect, seconds to the next byte, seconds for one request in all, and bytes of one answer.

    The bytes are counted as received and as inflated; either may reach `max_bytes`. A file may take `file_total`
    seconds, each 64 KiB of it no more than `total`; it may have `file_bytes` and, beyond the first 16 MiB, `ratio`
    times what was received.
    """

    connect: float = 5.0
    read: float = 20.0
    total: float = 60.0
    max_bytes: int = 64 * 1024 * 1024
    file_total: float = 4 * 3600.0
    file_bytes: int = 16 * 2**30
    ratio: int = 100
    patience: Patience = field(default_factory=Patience)


USUAL: Final = Limits()


def kept(answer: requests.Response) -> Mapping[str, str]:
    """The headers that anyone asks for, by lower-case name."""
    return {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}


def read_whole(answer: requests.Response, limit: int) -> bytes | Trouble:
    """The body, inflated."""
    chunks: list[bytes] = []
    size = 0
    try:
        for chunk in answer.iter_content(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > limit or answer.raw.tell() > limit:
                return Trouble(f"the answer is larger than {limit} bytes", again=False, acted=True)
            if remaining() <= 0:
                return Trouble("took too long", again=True, acted=True)
    except (RequestException, HTTPError, OSError):
        return _broken_off()
    return b"".join(chunks)


def saved(answer: requests.Response, to: Path, limits: Limits) -> Downloaded | Trouble:
    """Writes the body to `to`; raises OSError when the disk will not take it."""
    if answer.headers.get("content-encoding", "identity").strip().lower() not in ("gzip", "x-gzip", "identity", ""):
        return Trouble("the file comes in an encoding that was not asked for", again=False, acted=True)
    last = time.monotonic() + limits.file_total
    count = _Count(answer, limits)
    with beside(to) as file:
        found = _written(_chunks(answer, limits, last), file, count)
        if found is not None:
            return found
        finish(file, to)
    return Downloaded(
        status=answer.status_code,
        headers=kept(answer),
        received=answer.raw.tell(),
        size=count.size,
        lines=count.lines,
        ended=count.ended,
    )


def _chunks(answer: requests.Response, limits: Limits, last: float) -> Iterator[bytes | Trouble]:
    """The body's pieces as received; the last may be what went wrong.

    A disk's OSError must not be taken for the network's. They are inflated here and not by urllib3, which takes a gzip
    body that is cut for a whole one.
    """
    try:
        extend(limits.total, last)
        for chunk in answer.raw.stream(_CHUNK, decode_content=False):
            yield chunk
            if remaining() <= 0:
                yield Trouble("took too long", again=True, acted=True)
                return
            extend(limits.total, last)
    except (RequestException, HTTPError, OSError):
        yield _broken_off()


def _broken_off() -> Trouble:
    return Trouble("the answer broke off" if remaining() else "took too long", again=True, acted=True)


class _Count:
    """What has been written so far, and whether it may go on."""

    def __init__(self, answer: requests.Response, limits: Limits) -> None:
        self._answer, self._limits = answer, limits
        self.size = self.lines = 0
        self.ended = True

    def add(self, data: bytes) -> Trouble | None:
        if not data:
            return None
        if self.size == 0 and data.lstrip()[:1] == b"<":
            return Trouble("a web page came instead of the file (a log-in or error page?)", again=True, acted=True)
        self.size += len(data)
        self.lines += data.count(b"\n")
        self.ended = data.endswith(b"\n")
        most = min(self._limits.file_bytes, max(_FREE, int(self._answer.raw.tell()) * self._limits.ratio))
        if self.size > most:
            return Trouble("the file inflates beyond what is allowed", again=False, acted=True)
        return None


def _written(chunks: Iterator[bytes | Trouble], file: IO[bytes], count: _Count) -> Trouble | None:
    inflate: Inflating | None = None
    for number, chunk in enumerate(chunks):
        if isinstance(chunk, Trouble):
            return chunk
        if number == 0 and chunk.startswith(GZIP):
            inflate = Inflating()
        try:
            for data in inflate(chunk) if inflate is not None else (chunk,):
                trouble = count.add(data)
                if trouble is not None:
                    return trouble
                file.write(data)
        except zlib.error:
            return Trouble("the archive is damaged", again=True, acted=True)
    if inflate is not None and not inflate.whole:
        return Trouble("the archive ends too early", again=True, acted=True)
    return None
