"""Names, addresses and numbers of a person, chosen among the several that FHIR holds."""

from collections.abc import Iterator, Sequence

from mappings.addresses import read_email
from mappings.fhir.shapes import Address, ContactPoint, HumanName
from mappings.names import FullName, clean, split_full_name
from mappings.phones import read_phone
from mappings.records import Warned

_NAMES = {"official": 0, "usual": 1, None: 2, "temp": 4, "nickname": 5, "anonymous": 6, "maiden": 7, "old": 8}
_PHONES = {"mobile": 0, "home": 1, None: 2, "work": 3, "temp": 4}
_EMAILS = {"home": 0, None: 1, "mobile": 1, "work": 2, "temp": 3}
_ADDRESSES = {"home": 0, None: 1, "billing": 2, "work": 3, "temp": 4}
_LAST = 1_000_000


def leading_name(names: Sequence[HumanName] | None) -> FullName:
    """First given and family name of the official name, else the usual one, else the first."""
    if not names:
        return FullName(None, None)
    name = min(names, key=lambda name: _NAMES.get(name.use, 3))
    given = clean(name.given[0]) if name.given else None
    family = clean(name.family) if name.family else None
    if not (given or family) and name.text:
        return split_full_name(name.text)
    return FullName(given or None, family or None)


def nickname(names: Sequence[HumanName] | None) -> str | None:
    """The name that the person is called by, where the EMR has one."""
    for name in names or ():
        if name.use == "nickname":
            return clean(name.given[0] if name.given else name.text or "") or None
    return None


def email_of(telecom: Sequence[ContactPoint] | None, warnings: list[Warned]) -> tuple[str | None, bool]:
    """The best address in lower case, and whether there are only unreadable ones; former ones do not count."""
    seen = False
    for value in _values(telecom, ("email",), _EMAILS):
        seen = True
        try:
            return read_email(value), False
        except ValueError:
            warnings.append(Warned("email", "unreadable_value"))
    return None, seen


def phone_of(telecom: Sequence[ContactPoint] | None, region: str, warnings: list[Warned]) -> str | None:
    """The best number in E.164, mobile ones first; former ones do not count."""
    for value in _values(telecom, ("phone", "sms"), _PHONES):
        try:
            return read_phone(value, region)
        except ValueError:
            warnings.append(Warned("phone", "unreadable_value"))
    return None


def _values(
    telecom: Sequence[ContactPoint] | None, systems: tuple[str, ...], order: dict[str | None, int]
) -> Iterator[str]:
    fitting = [point for point in telecom or () if point.system in systems and point.value and point.use != "old"]
    if len(fitting) > 1:
        fitting.sort(key=lambda point: (point.rank or _LAST, order.get(point.use, 2)))
    return (point.value.strip() for point in fitting if point.value)


def leading_address(addresses: Sequence[Address] | None) -> Address | None:
    """The home address, else the first that is not a former one."""
    current = [address for address in addresses or () if address.use != "old"]
    return min(current, key=lambda address: _ADDRESSES.get(address.use, 2)) if current else None
