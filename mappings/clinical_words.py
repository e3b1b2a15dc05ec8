"""Words of body, illness and care that must not stand in a name that leaves: they would tell why somebody comes."""

import re
from typing import Final

_WORDS: Final = frozenset(
    [
        "acl",
        "adhd",
        "aids",
        "ankle",
        "ankles",
        "apraxia",
        "asd",
        "asthma",
        "autism",
        "autistic",
        "bipolar",
        "bpd",
        "breast",
        "cancer",
        "cardiac",
        "carpal",
        "cerebral",
        "cervical",
        "chemo",
        "chest",
        "concussion",
        "copd",
        "covid",
        "dialysis",
        "disability",
        "dizziness",
        "dyslexia",
        "elbow",
        "elbows",
        "fracture",
        "heel",
        "hernia",
        "hip",
        "hips",
        "hiv",
        "incontinence",
        "injury",
        "insomnia",
        "jaw",
        "kidney",
        "knee",
        "knees",
        "liver",
        "lumbar",
        "lung",
        "mcl",
        "meniscus",
        "migraine",
        "neck",
        "nerve",
        "ocd",
        "oncology",
        "opioid",
        "pain",
        "pcl",
        "pelvic",
        "pelvis",
        "postpartum",
        "pregnancy",
        "pregnant",
        "ptsd",
        "rehab",
        "sciatica",
        "scoliosis",
        "seizure",
        "shoulder",
        "shoulders",
        "speech",
        "spinal",
        "spine",
        "sprain",
        "sti",
        "stroke",
        "surgery",
        "tbi",
        "tha",
        "thorax",
        "tka",
        "tmj",
        "toe",
        "trauma",
        "tumor",
        "ulcer",
        "vertigo",
        "vestibular",
        "wound",
        "wrist",
        "wrists",
    ]
)
"""Whole words. Those that mean too much else (back, hand, down, disc) are left to people."""

_STEMS: Final = (
    "addict", "alcohol", "alzheim", "amput", "anorex", "anxiet", "arthr", "bulimi", "chronic", "dement", "depress",
    "diabet", "diagnos", "epilep", "fibromyal", "geriatr", "gynecolog", "infertil", "lymphed", "metast", "neurolog",
    "neuropath", "obes", "orthop", "osteo", "paralys", "parkinson", "psychi", "psychos", "psychother", "rheumat", "schizo",
    "sclero", "suicid", "tendin", "tendon", "therapeut", "urolog", "vertebr",
)  # fmt: skip
_PARTS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+")
_LONG: Final = tuple(sorted(word for word in _WORDS if len(word) > 3))


def clinical_word(name: str) -> str | None:
    """The first clinical word in a name, None where there is none.

    Words end at blanks, joints and inner capitals; in capitals alone, as merge tags are written, also at each other.
    """
    for found in _PARTS.finditer(name):
        part = found[0]
        word = part.casefold()
        if word in _WORDS or word.startswith(_STEMS):
            return word
        if part.isupper() and (word.startswith(_LONG) or word.endswith(_LONG)):
            return word
    return None
