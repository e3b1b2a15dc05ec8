"""The closed list of reasons why something is withheld, each with its sentence."""

from typing import Final

WITHHELD: Final[dict[str, str]] = {
    "no_address": "no usable e-mail address",
    "bad_address": "the destination calls the address bad",
    "unsubscribed": "the address, or the person, has unsubscribed",
    "bounced": "mail to the address bounced for good",
    "complained": "the person complained of spam",
    "archived_by_human": "a person archived the member at the destination",
    "no_consent": "no dated consent is on file",
    "consent_withdrawn": "the person said no to this purpose",
    "purpose_not_covered": "the consent on file names other purposes",
    "consent_expired": "the consent on file has expired",
    "minor_without_guardian": "a minor whose address no guardian shares",
    "household_refusal": "somebody at the same address said no to this purpose",
    "inactive": "deceased, inactive in the EMR, or suppressed by hand",
    "other_site": "the destination does not serve the person's site",
    "lower_priority": "another segment of the group comes first",
    "capped": "the address has had its share of messages",
    "send_window": "outside the hours of sending",
    "waiting_baseline": "a baseline member that waits for its release",
    "stale_source": "the source's data are too old",
    "already_there": "found at the destination, left as found",
    "observe": "the destination, the source or the site only observes",
    "held": "held by a brake until a person decides",
    "parked": "the destination refused it",
    "pending": "on its way",
    "reached_elsewhere": "reached through another destination",
    "plan_full": "the provider's plan is full",
    "policy": "the destination's terms do not allow it",
    "paused": "paused by a person",
}

FOR_CONSENT: Final = frozenset(
    {
        "bad_address",
        "unsubscribed",
        "bounced",
        "complained",
        "archived_by_human",
        "no_consent",
        "consent_withdrawn",
        "purpose_not_covered",
        "consent_expired",
        "minor_without_guardian",
        "household_refusal",
    }
)
"""Removals for these reasons are never held."""
