"""Exit codes, as operators and scripts know them (after BSD's sysexits where one fits)."""

from typing import Final

OK: Final = 0
ERROR: Final = 1
PLAN_HAS_CHANGES: Final = 2
NEWLY_STOPPED: Final = 3
HELD: Final = 4
USAGE: Final = 64
UNAVAILABLE: Final = 75
REFUSED_CREDENTIALS: Final = 77
BAD_CONFIG: Final = 78
INTERRUPTED: Final = 130

ORDER: Final = (BAD_CONFIG, REFUSED_CREDENTIALS, HELD, UNAVAILABLE, ERROR, NEWLY_STOPPED, OK)
"""Of several exit codes, the first of these is the pass's."""
