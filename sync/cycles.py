"""The cycle collector: it passes over what was imported, and runs when a page or a batch has ended.

A statement is a cycle that holds the ids of its page. Left to its thresholds the collector would stop in the middle of
pages again and again (a tenth of an unchanged pull's CPU), or leave 70 bytes a row of a first load behind.
"""

import gc
from typing import Final

_THRESHOLDS: Final = (20_000, 10, 5)
_YOUNG: Final = 1
"""The generation of what has come since the last page ended."""


def collect_less() -> None:
    """Leaves what is there now alone for good, and starts the collector less often than Python does by itself."""
    if not gc.get_freeze_count():
        gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def end_page() -> None:
    """Frees the cycles of a page that has been dealt with."""
    gc.collect(_YOUNG)
