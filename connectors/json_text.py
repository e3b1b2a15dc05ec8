"""JSON cut into its members without being read: where a part of an answer is no JSON, the rest of it still is.

Servers send NaN, lone surrogates and endless nesting (none of them JSON by RFC 8259, or for any reader); a Bundle with
one such resource must not cost the others.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{},:]', re.DOTALL)
_CLOSING: Final = {b"[": b"]", b"{": b"}"}


def parts(text: bytes) -> Sequence[bytes] | None:
    """The elements of an array, or the names and values of an object by turns; None when its brackets do not match.

    The parts are not looked into further; each may be anything. Nothing here recurses.
    """
    text = text.strip()
    if text[:1] not in _CLOSING:
        return None
    found: list[bytes] = []
    open_: list[bytes] = []
    start = 1
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in _CLOSING:
            open_.append(_CLOSING[sign])
        elif sign in b"]}":
            if not open_ or open_.pop() != sign:
                return None
            if not open_:
                return _with_last(found, text, start) if token.end() == len(text) else None
        elif sign in b",:" and len(open_) == 1:
            found.append(text[start : token.start()].strip())
            start = token.end()
        elif sign == b'"':
            return None
    return None


def members(text: bytes) -> Mapping[bytes, bytes] | None:
    """The members of an object, each name with its quotes; None for anything else."""
    found = parts(text) if text.lstrip()[:1] == b"{" else None
    return None if found is None or len(found) % 2 else dict(zip(found[::2], found[1::2], strict=True))


def _with_last(found: list[bytes], text: bytes, start: int) -> Sequence[bytes]:
    last = text[start:-1].strip()
    return [*found, last] if found or last else []
