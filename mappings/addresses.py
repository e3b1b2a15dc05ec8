"""E-mail addresses: which text is one, and which address stands for having none."""

import re

from email_validator import EmailNotValidError, validate_email

# Accepted without asking the library (22 µs): plain ASCII, no double hyphens, an ordinary alphabetic top level.
# Whatever this does not match is judged by the library, so the pattern may be narrow but never wide.
_PLAIN = re.compile(
    r"(?=[^@]{1,64}@[^@]{4,190}\Z)[a-z0-9_+]+(?:[.-][a-z0-9_+]+)*@(?:[a-z0-9]{1,63}(?:-[a-z0-9]{1,30}){0,1}\.){1,4}(?:com|org|net|edu|gov|us|io|me)\Z"
)

# These say "no address" wherever they stand, as local part or as domain.
_CLEAR = frozenset({
    "none", "nomail", "noemail", "noemails", "noaddress", "noemailaddress", "noemailprovided", "noemailonfile",
    "notprovided", "notgiven", "notapplicable", "declined", "refused", "patientdeclined", "ptdeclined", "donotemail",
    "noemailaddresses", "noemailgiven", "nonegiven", "noneprovided", "nonenone", "nomailaddress", "notonfile",
    "notavailable", "doesnothave", "doesnothaveone", "doesnthaveemail", "hasnoemail", "donthave", "dontemail",
    "donotcontact", "donotsend", "wontgive", "wouldnotgive", "noreply", "donotreply",
})  # fmt: skip
# These may be a person's name or a real domain; only both together say it (na@na.com, no@email.com).
_VAGUE = frozenset({
    "no", "na", "nothing", "unknown", "test", "fake", "null", "xxx", "email", "mail", "noone", "nobody", "invalid",
    "unavailable", "blank",
})  # fmt: skip
# These say it where the same word stands on both sides (x@x.com).
_TWICE = frozenset({"a", "aa", "aaa", "x", "xx", "xxxx", "abc", "asdf", "patient"})


def read_email(text: str) -> str:
    """Returns the address in lower case; raises ValueError when it is none (email-validator, without DNS)."""
    address = text.strip().lower()
    if _PLAIN.match(address):
        return address
    try:
        return validate_email(address, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise ValueError("not an e-mail address") from None


def is_placeholder(email: str) -> bool:
    """True for an address that front desks type when there is none (none@none.com, noemail@clinic.com).

    email-validator accepts these: their form is right.
    """
    local, _, domain = email.lower().rpartition("@")
    who, where = _word(local), _word(domain.rpartition(".")[0])
    return who in _CLEAR or where in _CLEAR or (who in _VAGUE and where in _VAGUE) or (who == where and who in _TWICE)


def _word(text: str) -> str:
    """Without joints and numbers: front desks count (noemail12@, none1@)."""
    return re.sub(r"[._+-]|\d+", "", text)
