"""Reads the bytes of one file, plain or .gz, line by line or whole, within limits."""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from connectors.base import Refusal
from connectors.fhir.entry import Entry, entries_of, head_of, plain_entry

LINE_LIMIT = 64 * 2**20
"""Bytes of one line."""
DOCUMENT_LIMIT = 256 * 2**20
"""Bytes of one JSON document: it is held in memory, NDJSON is not."""
INFLATED_LIMIT = 4 * 2**30
"""Bytes that one .gz may become."""
RATIO_LIMIT = 100
"""How many times its own size a .gz may become, beyond the first 16 MiB."""
_GLANCE = 2**20
_BLOCK = 2**20
_FREE = 16 * 2**20
_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


def entries(path: Path, name: str, *, proved: bool = False, bundles: Counter[str] | None = None) -> Iterator[Entry]:
    """Yields every resource of the file in order; raises Refusal for a file that is not whole or not UTF-8.

    `proved`: an earlier reading of the same bytes found no fault. `bundles` is told of each line that is more than
    one plain resource, or none.
    """
    if is_lines(path, name):
        for number, line in lines(path, name):
            yield from entries_on(line, number, proved=proved, bundles=bundles)
    else:
        yield from entries_of(_document(path, name), 1, document=True)


def entries_on(
    line: bytes, number: int, *, proved: bool = False, bundles: Counter[str] | None = None
) -> Iterable[Entry]:
    """The resources on one line, as `entries` yields them."""
    plain = plain_entry(line, number, proved=proved)
    if plain is not None:
        return (plain,)
    if bundles is not None:
        bundles["lines"] += 1
    return entries_of(line, number, document=False)


def lines(path: Path, name: str) -> Iterator[tuple[int, bytes]]:
    """Yields the lines that hold something, with their numbers, without their ends."""
    with opened(path, name) as stream:
        number, total, most, rest = 0, 0, _most(path), b""
        while block := stream.read(_BLOCK):
            total += len(block)
            pieces = (rest + block).split(b"\n")
            if total > most or max(map(len, pieces)) > LINE_LIMIT:
                raise Refusal(name, "too_large", "a line or the whole inflates beyond the limit; export smaller files")
            is_plain = block.isascii() and rest.isascii()
            rest = pieces.pop()
            for line in pieces:
                number += 1
                body = line.strip() if is_plain else _checked(line, name, number)
                if body:
                    yield number, body
        if rest:
            raise Refusal(name, "cut_last_line", "the last line has no end; export the file again", line=number + 1)


def _checked(line: bytes, name: str, number: int) -> bytes:
    """A line that is not all ASCII: UTF-8, without the mark that may begin a file."""
    text = _without_bom(line, number)
    _check_encoding(text, name, number)
    return text.strip()


def is_lines(path: Path, name: str) -> bool:
    """True for NDJSON: by its name, or because its first line is a whole resource and not the only one."""
    if ".ndjson" in path.name:
        return True
    with opened(path, name) as stream:
        first = stream.readline(_GLANCE)
        return first.endswith(b"\n") and head_of(first) != ("", "") and bool(stream.read(4096).strip())


def _document(path: Path, name: str) -> bytes:
    with opened(path, name) as stream:
        body = _without_bom(stream.read(min(DOCUMENT_LIMIT, _most(path)) + 1), 1)
    if len(body) > min(DOCUMENT_LIMIT, _most(path)):
        raise Refusal(name, "too_large", "export NDJSON, which is read line by line, or smaller Bundles")
    _check_encoding(body, name, 1)
    return body.strip()


@contextmanager
def opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Opens a file for reading; what goes wrong inside the block becomes a Refusal."""
    try:
        with _plain(path) as stream:
            yield stream
    except EOFError:
        raise Refusal(name, "cut_last_line", "the archive ends too early; export the file again") from None
    except (gzip.BadGzipFile, zlib.error):
        raise Refusal(name, "unreadable", "it is no whole .gz archive; export the file again") from None
    except OSError as error:
        raise Refusal(name, "unreadable", f"{error.strerror or 'it cannot be read'}; check its permissions") from None


def _plain(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path))
    return path.open("rb")


def _most(path: Path) -> int:
    if path.suffix != ".gz":
        return 2**62
    return min(INFLATED_LIMIT, max(_FREE, path.stat().st_size * RATIO_LIMIT))


def _without_bom(line: bytes, number: int) -> bytes:
    return line.removeprefix(_BOM) if number == 1 else line


def _check_encoding(text: bytes, name: str, number: int) -> None:
    if text.startswith(_OTHER_BOMS):
        raise Refusal(name, "wrong_encoding", "it is UTF-16 or UTF-32; FHIR is UTF-8", line=number)
    try:
        text.decode()
    except UnicodeDecodeError:
        raise Refusal(name, "wrong_encoding", "it is not UTF-8, as FHIR must be", line=number) from None
