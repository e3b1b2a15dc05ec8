"""The canonical names: what a column of each feed may be mapped to, and how its text is typed."""

from typing import Final, Literal

from mappings.records import Kind

Type = Literal[
    "id", "text", "name", "day", "birth_day", "moment", "whole", "flag", "active", "death",
    "email", "phone", "sex", "language", "payer", "status", "site",
    "channel", "purpose", "yes_no",
]  # fmt: skip

CANONICAL: Final[dict[Kind, dict[str, Type]]] = {
    "patients": {
        "external_id": "id",
        "given_name": "name",
        "family_name": "name",
        "full_name": "name",
        "preferred_name": "name",
        "birth_date": "birth_day",
        "sex": "sex",
        "email": "email",
        "phone": "phone",
        "address_line": "text",
        "city": "text",
        "region": "text",
        "postal_code": "text",
        "country": "text",
        "language": "language",
        "site": "site",
        "active": "active",
        "deceased": "death",
        "replaced_by": "id",
        "payer": "payer",
        "referral_source": "text",
        "referred_by": "text",
        "referral_received": "day",
        "lead_source": "text",
        "lead_since": "day",
        "campaign": "text",
        "guardian_email": "email",
        "guardian_name": "name",
        "created_at": "moment",
    },
    "appointments": {
        "external_id": "id",
        "patient_id": "id",
        "episode_id": "id",
        "site": "site",
        "provider": "text",
        "kind": "text",
        "starts_at": "moment",
        "ends_at": "moment",
        "status": "status",
        "created_at": "moment",
    },
    "episodes": {
        "external_id": "id",
        "patient_id": "id",
        "site": "site",
        "kind": "text",
        "started_on": "day",
        "discharged_on": "day",
        "discharge_reason": "text",
        "visits_prescribed": "whole",
        "visits_authorized": "whole",
        "authorization_ends": "day",
    },
    "surveys": {
        "external_id": "id",
        "patient_id": "id",
        "email": "email",
        "score": "whole",
        "answered_on": "day",
    },
    # `external_id` is the patient's: a decision has no id of its own, and is about a patient row or an address.
    "consents": {
        "external_id": "id",
        "email": "email",
        "channel": "channel",
        "purpose": "purpose",
        "decision": "yes_no",
        "decided_on": "day",
        "evidence": "text",
    },
    # Side tables of an EMR (presets only): what they add to a patient row or an episode.
    "supplements": {
        "external_id": "id",
        "target_id": "id",
        "as_of": "day",
        "payer": "payer",
        "referral_source": "text",
        "referral_received": "day",
        "guardian_email": "email",
        "guardian_name": "name",
        "visits_authorized": "whole",
        "authorization_ends": "day",
    },
}

REQUIRED: Final[dict[Kind, tuple[str, ...]]] = {
    "patients": ("external_id",),
    "appointments": ("external_id", "patient_id", "starts_at", "status"),
    "episodes": ("external_id", "patient_id"),
    "surveys": ("score", "answered_on"),
    "consents": ("purpose", "decision"),
    "supplements": ("external_id", "target_id"),
}
"""Without these a row cannot be used; a mapped site is required as well, and so is a survey's patient_id or email."""
