"""Words of closed lists as exports spell them: visit statuses, sex, language."""

import re
from typing import Final, Literal, get_args

from mappings.records import Channel, Purpose, Sex, VisitStatus

CANONICAL_STATUSES: Final[dict[str, VisitStatus]] = {word: word for word in get_args(VisitStatus)}

# Spellings whose meaning is the same wherever they were seen (WebChart, Mirah, Nookal, Cliniko, athenahealth exports);
# anything else ("completed?", letters, numbers) needs the operator's map.
_SPELLINGS: Final[dict[str, VisitStatus]] = {
    "noshow": "noshow",
    "ns": "noshow",
    "dna": "noshow",
    "didnotarrive": "noshow",
    "didnotattend": "noshow",
    "cancelreasonnoshow": "noshow",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "cancellednoshow": "noshow",
    "scheduled": "booked",
    "booked": "booked",
    "confirmed": "booked",
    "arrived": "arrived",
    "checkedin": "arrived",
    "fulfilled": "fulfilled",
    "completed": "fulfilled",
    "checkedout": "fulfilled",
    "proposed": "proposed",
}
_JOINTS = re.compile(r"[\s_./-]+")

_SEXES: Final[dict[str, Sex]] = {
    "f": "female",
    "female": "female",
    "woman": "female",
    "m": "male",
    "male": "male",
    "man": "male",
    "o": "other",
    "x": "other",
    "other": "other",
    "nonbinary": "other",
    "non-binary": "other",
    "u": "unknown",
    "unk": "unknown",
    "unknown": "unknown",
}

# English names and ISO 639-2 codes of the languages that US practices record most; ISO 639-1 codes stand for themselves.
_LANGUAGES: Final[dict[str, str]] = {
    "english": "en", "eng": "en", "spanish": "es", "spa": "es", "español": "es", "espanol": "es", "chinese": "zh",
    "mandarin": "zh", "cantonese": "yue", "chi": "zh", "zho": "zh", "vietnamese": "vi", "vie": "vi", "tagalog": "tl",
    "tgl": "tl", "french": "fr", "fre": "fr", "fra": "fr", "german": "de", "ger": "de", "deu": "de", "korean": "ko",
    "kor": "ko", "russian": "ru", "rus": "ru", "arabic": "ar", "ara": "ar", "portuguese": "pt", "por": "pt",
    "italian": "it", "ita": "it", "polish": "pl", "pol": "pl", "hindi": "hi", "hin": "hi", "japanese": "ja",
    "jpn": "ja", "somali": "so", "som": "so", "ukrainian": "uk", "ukr": "uk",
    "american sign language": "ase", "asl": "ase",
}  # fmt: skip
_TAG = re.compile(r"([A-Za-z]{2,3})((?:-[A-Za-z0-9]{2,8})*)")


def read_status(text: str) -> VisitStatus:
    """Reads a visit status, canonical or in a spelling that means one thing only; raises ValueError otherwise."""
    word = text.casefold()
    status = CANONICAL_STATUSES.get(word) or _SPELLINGS.get(_JOINTS.sub("", word))
    if status is None:
        raise ValueError("not a known status")
    return status


_CHANNELS: Final[dict[str, Channel]] = {
    **{word: word for word in get_args(Channel)},
    "e-mail": "email",
    "text": "sms",
    "text message": "sms",
    "voice": "phone",
    "post": "mail",
}
_PURPOSES: Final[dict[str, Purpose]] = {word: word for word in get_args(Purpose)}
_ANSWERS: Final[dict[str, Literal["yes", "no"]]] = {
    **dict.fromkeys(("yes", "y", "true", "t", "1", "opt-in", "opt in", "optin", "granted", "permit"), "yes"),
    **dict.fromkeys(
        ("no", "n", "false", "f", "0", "opt-out", "opt out", "optout", "withdrawn", "revoked", "deny"), "no"
    ),
}


def read_channel(text: str) -> Channel:
    """Reads email, sms, phone or mail; raises ValueError otherwise."""
    try:
        return _CHANNELS[text.casefold()]
    except KeyError:
        raise ValueError("not a known channel") from None


def read_purpose(text: str) -> Purpose:
    """Reads treatment, operations or marketing; raises ValueError otherwise."""
    try:
        return _PURPOSES[text.casefold()]
    except KeyError:
        raise ValueError("not a known purpose") from None


def read_answer(text: str) -> Literal["yes", "no"]:
    """Reads a decision: yes or no, opt-in or opt-out, granted or withdrawn; raises ValueError otherwise."""
    try:
        return _ANSWERS[text.casefold()]
    except KeyError:
        raise ValueError("not yes or no") from None


def read_sex(text: str) -> Sex:
    """Reads female, male, other or unknown, or their first letters."""
    try:
        return _SEXES[text.casefold()]
    except KeyError:
        raise ValueError("not a known sex") from None


def read_language(text: str) -> str:
    """Reads a language's English name or code as a BCP 47 tag (`English` -> `en`, `es_MX` -> `es-MX`)."""
    known = _LANGUAGES.get(text.casefold())
    if known is not None:
        return known
    match = _TAG.fullmatch(text.replace("_", "-"))
    if match is None:
        raise ValueError("not a language")
    parts = match[2].split("-")[1:]
    return "-".join([match[1].lower(), *(part.upper() if len(part) == 2 else part.title() for part in parts)])
