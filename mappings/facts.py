"""The closed table of facts that a segment may test; shared by rules, policy, `check` and the reference."""

import enum
from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, NamedTuple, get_args

from mappings.records import STATUSES, Outcome, PayerClass, Sex

FactType = Literal["text", "number", "date", "month", "flag", "list"]
FieldClass = Literal["contact", "relationship", "health"]
CLASSES: Final[tuple[FieldClass, ...]] = get_args(FieldClass)
"""From the least to the most sensitive."""


class Open(enum.Enum):
    """The value of a fact that could not be read to its end: neither known nor absent (a visit beyond the horizon)."""

    OPEN = "open"


OPEN: Final = Open.OPEN

FactValue = str | int | float | date | bool | frozenset[str] | Mapping[str, date] | None | Open
"""text: str · number: int or float · date: a local day · month: 1 to 12 · flag: bool · list: frozenset.

None is a missing value. `entered` alone maps each segment that the contact is in to the local day of entering.
"""

Facts = Mapping[str, FactValue]
"""The facts of one contact by name; an absent name is a missing value. `today` is always there.

One key stands beside the table: `birth_date` (a date or None). No rule can test it; it tells the day on which
`age` and `is_minor` change.
"""


class Fact(NamedTuple):
    """A fact: `fed_by` names the feeds of which any one can fill it (none: it is always there).

    `choices` lists the values that a text can have (none: free text); `noun` is how a sentence names the fact.
    """

    name: str
    type: FactType
    klass: FieldClass
    sentence: str
    fed_by: frozenset[str]
    choices: tuple[str, ...]
    noun: str


EMAIL_STATUSES: Final = ("ok", "missing", "invalid", "unsubscribed", "bounced", "complained")

_ALWAYS: Final = ""
_PATIENTS: Final = "patients"
_VISITS: Final = "appointments"
_EPISODES: Final = "episodes"
_EITHER: Final = "appointments episodes"
_SURVEYS: Final = "surveys"
_CONDITIONS: Final = "conditions"
_ENGAGEMENT: Final = "engagement"

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "status": STATUSES,
    "sex": get_args(Sex),
    "payer_class": get_args(PayerClass),
    "last_visit_status": ("arrived", "fulfilled", "cancelled", "noshow"),
    "discharge_outcome": get_args(Outcome),
    "email_status": EMAIL_STATUSES,
}

# name · type · class · feeds that can fill it · noun · sentence
_TABLE: Final[tuple[tuple[str, FactType, FieldClass, str, str, str], ...]] = (
    ("status", "text", "relationship", _ALWAYS, "status", "Where the contact stands in the patient lifecycle."),
    ("days_in_status", "number", "relationship", _ALWAYS, "days in this status", "Days since the status last changed."),
    ("returning", "flag", "relationship", _VISITS, "return", "True if an earlier episode has an attended visit."),
    ("site", "text", "relationship", _ALWAYS, "site", "The clinic of the next booked visit, else of the last one."),
    ("sites", "list", "relationship", _VISITS, "sites", "All clinics ever visited or booked."),
    ("brand", "text", "relationship", _ALWAYS, "brand", "The brand under which the contact's clinic appears."),
    ("preferred_site", "text", "relationship", _PATIENTS, "preferred site", "The clinic that the record itself names."),
    ("age", "number", "relationship", _PATIENTS, "age", "Age in whole years."),
    ("is_minor", "flag", "relationship", _PATIENTS, "minority", "True under 18 years."),
    ("sex", "text", "relationship", _PATIENTS, "sex", "Administrative sex."),
    ("language", "text", "contact", _PATIENTS, "language", "Preferred language, a BCP 47 tag such as en or es."),
    ("city", "text", "contact", _PATIENTS, "city", "City of the postal address."),
    ("region", "text", "contact", _PATIENTS, "region", "State or region of the postal address."),
    ("postal_code", "text", "contact", _PATIENTS, "postal code", "Postal code as text, leading zeros kept."),
    ("birthday", "month", "relationship", _PATIENTS, "birthday", "The month of birth."),
    ("payer_class", "text", "health", _PATIENTS, "payer class", "Who pays, as a class."),
    ("providers", "list", "relationship", _VISITS, "providers", "All therapists ever seen or booked."),
    ("provider", "text", "relationship", _VISITS, "provider", "The therapist of the last visit."),
    ("visit_types", "list", "health", _VISITS, "visit types", "All types of visit ever had or booked."),
    ("body_region", "text", "health", _CONDITIONS, "body region", "The region of the body that is treated."),
    ("diagnosis", "list", "health", _CONDITIONS, "diagnoses", "The diagnosis codes of the current episode."),
    ("referral_source", "text", "relationship", _PATIENTS, "referral source", "Who or what sent the contact."),
    ("referred_by_patient", "flag", "relationship", _PATIENTS, "referral", "True if another patient sent the contact."),
    ("referral_received", "date", "relationship", _PATIENTS, "referral", "The day the referral came in."),
    ("lead_source", "text", "relationship", _PATIENTS, "lead source", "The form, list or ad that the lead came from."),
    ("lead_since", "date", "relationship", _PATIENTS, "first day as a lead", "The day the lead came in."),
    ("campaign", "text", "relationship", _PATIENTS, "campaign", "The campaign that the lead came from."),
    ("first_visit", "date", "relationship", _VISITS, "first visit", "The first attended day."),
    ("last_visit", "date", "relationship", _VISITS, "last visit", "The last attended day."),
    ("last_visit_status", "text", "relationship", _VISITS, "last visit's status", "How the latest past visit ended."),
    ("last_missed", "date", "relationship", _VISITS, "last missed visit", "The day of the last no-show."),
    ("last_cancelled", "date", "relationship", _VISITS, "last cancelled visit", "The day of the last cancelled visit."),
    ("next_visit", "date", "relationship", _VISITS, "next visit", "The next visit on the books, today included."),
    ("next_visit_kind", "text", "health", _VISITS, "next visit's type", "The type of the next visit."),
    ("next_visit_booked", "date", "relationship", _VISITS, "booking of the next visit", "When it was booked."),
    ("evaluated", "date", "relationship", _VISITS, "evaluation", "The first attended day of the current episode."),
    ("episode_started", "date", "relationship", _EITHER, "start of the episode", "The episode's first day."),
    ("episode_type", "text", "health", _EPISODES, "episode type", "The type of the current episode."),
    ("visits_attended", "number", "relationship", _VISITS, "attended visits", "Attended days of the current episode."),
    ("visits_missed", "number", "relationship", _VISITS, "missed visits", "Missed days of the current episode."),
    (
        "visits_missed_30d",
        "number",
        "relationship",
        _VISITS,
        "missed visits in the last 30 days",
        "Missed days among the 30 days that end today.",
    ),
    (
        "visits_cancelled_30d",
        "number",
        "relationship",
        _VISITS,
        "cancelled visits in the last 30 days",
        "Cancelled days among the 30 days that end today.",
    ),
    (
        "days_between_visits",
        "number",
        "relationship",
        _VISITS,
        "days between visits",
        "The contact's own rhythm: the median gap between the last attended days.",
    ),
    ("visits_prescribed", "number", "relationship", _EPISODES, "prescribed visits", "Visits that were prescribed."),
    ("visits_left", "number", "relationship", _EPISODES, "visits left", "Prescribed visits not yet attended."),
    ("visits_authorized_left", "number", "health", _EPISODES, "authorized visits left", "What the payer still covers."),
    ("authorization_ends", "date", "health", _EPISODES, "end of the authorization", "The payer's last day of cover."),
    ("discharged", "date", "relationship", _EPISODES, "discharge", "The day the episode was closed."),
    ("discharge_outcome", "text", "relationship", _EPISODES, "discharge outcome", "How the episode ended."),
    ("discharge_reason", "text", "health", _EPISODES, "discharge reason", "The EMR's own word for the closing."),
    ("has_email", "flag", "contact", _ALWAYS, "e-mail address", "True if there is a usable e-mail address."),
    ("has_mobile", "flag", "contact", _ALWAYS, "phone number", "True if there is a phone number for text messages."),
    ("email_status", "text", "contact", _ALWAYS, "e-mail status", "Whether the mailing address can be written to."),
    ("last_nudged", "date", "relationship", _ALWAYS, "last nudge", "The day a destination last took a loud entry."),
    ("last_opened", "date", "relationship", _ENGAGEMENT, "last opening", "The day a message was last opened."),
    ("last_clicked", "date", "relationship", _ENGAGEMENT, "last click", "The day a link was last followed."),
    ("nps", "date", "relationship", _SURVEYS, "last score's day", "The day of the last score."),
    ("nps_score", "number", "relationship", _SURVEYS, "last score", "The last score, 0 to 10."),
    (
        "household_size",
        "number",
        "relationship",
        _ALWAYS,
        "household size",
        "One, plus the contacts that share the mailing address or phone.",
    ),
    ("in_segment", "list", "relationship", _ALWAYS, "segments", "The segments that the contact is in."),
    ("entered", "date", "relationship", _ALWAYS, "entry", "The day the contact came into a segment."),
    ("today", "date", "relationship", _ALWAYS, "today's date", "Today at the contact's clinic."),
)

FACTS: Final[dict[str, Fact]] = {
    name: Fact(name, kind, klass, sentence, frozenset(feeds.split()), _CHOICES.get(name, ()), noun)
    for name, kind, klass, feeds, noun, sentence in _TABLE
}

CANONICAL: Final[dict[str, FieldClass]] = {
    **dict.fromkeys(("given_name", "family_name", "full_name", "preferred_name", "guardian_name"), "contact"),
    **dict.fromkeys(("email", "phone", "guardian_email", "language"), "contact"),
    **dict.fromkeys(("address_line", "city", "region", "postal_code", "country"), "contact"),
    **dict.fromkeys(("external_id", "replaced_by", "birth_date", "sex", "site", "active", "deceased"), "relationship"),
    **dict.fromkeys(("referral_source", "referred_by", "referral_received", "created_at"), "relationship"),
    **dict.fromkeys(("lead_source", "lead_since", "campaign"), "relationship"),
    "payer": "health",
}
"""The canonical names of the patients feed and the class of each; what `fields:` may name beside facts."""
