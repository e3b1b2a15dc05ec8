"""Which encoding a text file is in: a byte order mark, else strict UTF-8, else the declared fallback; never a guess."""

import codecs
from pathlib import Path
from typing import NamedTuple

from connectors.base import Refusal

_CHUNK = 1 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Trouble(NamedTuple):
    """Where decoding stopped: a line (1 = first) and a refusal's code and advice."""

    line: int
    code: str
    advice: str


def decodable(path: Path, name: str, fallback: str | None) -> str:
    """Decodes the whole file and returns its encoding; raises Refusal.

    Also refused: a NUL character anywhere, and a last line without its newline (a cut transfer looks like that).
    """
    encoding = _marked(path)
    trouble = _trouble(path, encoding or "utf-8")
    if trouble is not None and trouble.code == "wrong_encoding" and encoding is None and fallback is not None:
        encoding = fallback
        trouble = _trouble(path, fallback)
    if trouble is not None:
        raise Refusal(name, trouble.code, trouble.advice, line=trouble.line)
    return encoding or "utf-8"


def _marked(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(4)
    return next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)


def _trouble(path: Path, encoding: str) -> Trouble | None:
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    lines, last = 1, "\n"
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            try:
                text = decoder.decode(chunk, final=False)
            except UnicodeDecodeError as error:
                return _undecodable(lines + error.object[: error.start].count(b"\n"), encoding)
            if "\0" in text:
                return Trouble(lines + text.count("\n", 0, text.index("\0")), "unreadable", _NUL_ADVICE)
            lines, last = lines + text.count("\n"), text[-1:] or last
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _undecodable(lines, encoding)
    return None if last in "\r\n" else Trouble(lines, "cut_last_line", _CUT_ADVICE)


_NUL_ADVICE = "the file holds NUL characters; export it again as text"
_CUT_ADVICE = "the last line does not end with a newline, as after a broken transfer; export or copy the file again"


def _undecodable(line: int, encoding: str) -> Trouble:
    if encoding.startswith("utf-8"):
        advice = "the file is not UTF-8; state its encoding at the source, for example encoding: cp1252"
    else:
        advice = f"the file is not {encoding}; state its true encoding at the source under encoding:"
    return Trouble(line, "wrong_encoding", advice)
