"""Payer classes: the EMR's payer words and ids, turned into one of eight classes."""

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from mappings.records import PayerClass

PAYER_CLASSES: dict[str, PayerClass] = {name: name for name in get_args(PayerClass)}


def payer_reader(*maps: Mapping[str, Sequence[str]]) -> Callable[[str], PayerClass]:
    """A reader of payer words; each map is class -> words, an earlier map wins over a later one.

    Words are compared trimmed and without case. A class stands for itself; any other word is `other`.
    Raises ValueError on a map whose key is no payer class.
    """
    classes = dict(PAYER_CLASSES)
    for words in reversed(maps):
        for name, listed in words.items():
            if name not in PAYER_CLASSES:
                raise ValueError("not a payer class; use one of " + ", ".join(PAYER_CLASSES))
            classes.update((word.strip().casefold(), PAYER_CLASSES[name]) for word in listed)
    return lambda text: classes.get(text.strip().casefold(), "other")
