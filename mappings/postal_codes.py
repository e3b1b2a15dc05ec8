"""Postal codes of the United States, as spreadsheets leave them."""

import re

_DIGITS = re.compile(r"(\d{3,9})(?:\.0+)?")
"""A code of 3 to 9 digits that was kept as a number: without leading zeros, or with a decimal point."""


def american_postal_code(text: str) -> str:
    """Gives a ZIP code its lost zeros back (`2108` -> `02108`, `21081234` -> `02108-1234`); other texts stay.

    A ZIP code has five digits, ZIP+4 nine; none begins with three zeros (the lowest is 00501).
    """
    match = _DIGITS.fullmatch(text)
    if match is None:
        return text
    digits = match[1]
    if len(digits) <= 5:
        return digits.zfill(5)
    if len(digits) < 8:
        return text
    digits = digits.zfill(9)
    return f"{digits[:5]}-{digits[5:]}"
