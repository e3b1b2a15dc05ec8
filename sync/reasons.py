"""Why a contact has its status: each rule of the lifecycle as the end of the sentence "because …"."""

from typing import Final

REASONS: Final[dict[str, str]] = {
    "contact.deceased": "a row says deceased",
    "contact.suppressed_by_hand": "someone in the practice suppressed the person by hand",
    "contact.inactive_or_absent": "every row is inactive in its source, or gone from it",
    "episode.attending": "the last attended visit is at most at_risk_after_days ago",
    "episode.next_visit_booked": "a visit is booked, or may be where the source does not look yet",
    "episode.missed_twice": "two visits were missed within 30 days",
    "episode.gap_at_risk": "nothing is booked, and the last attended visit is more than at_risk_after_days ago",
    "episode.gap_dropout": "nothing is booked, and the last attended visit is more than dropout_after_days ago",
    "episode.gap_dormant": "nothing is booked, and the last attended visit is more than dormant_after_days ago",
    "episode.first_visit_booked": "the first visit of the episode is booked",
    "episode.first_visit_missed": "the first visit was missed, and nothing is booked",
    "episode.never_came_dropout": "no visit was attended, and the last missed one is more than dropout_after_days ago",
    "episode.never_came_long_ago": "no visit was attended, and the last missed one is more than dormant_after_days ago",
    "episode.closed": "the episode is closed, or all prescribed visits were attended",
    "episode.closed_without_end_of_care": "the episode was closed after the person had stopped coming",
    "episode.closed_long_ago": "the episode is over, and its last visit is more than dormant_after_days ago",
    "lead.recent": "nothing is booked, and the inquiry is at most lost_lead_after_days old",
    "lead.long_ago": "nothing is booked, and the inquiry is more than lost_lead_after_days old, or has no date",
}
"""The names of days are those of `lifecycle:` in the configuration."""
