"""What identity costs, and how well it tells people apart: rows with known truth into an empty database.

python -m bench.identity ROWS            prints JSON: CPU µs a row, false merges, precision, recall
"""

import gc
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from math import comb
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, select

from bench.people import Patient, people
from bench.population import TODAY, Known, population
from mappings.records import PatientRow
from sync.resolve import Resolver, ResolverSettings
from sync.store import matches, rows
from sync.store import tables as t
from sync.store.engine import connect, reading, refresh_statistics, writing
from sync.store.schema import open_schema

AT: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)
PAGE: Final = 1000
SETTINGS: Final = ResolverSettings(shared_address_limit=10, roles={"emr": "emr", "old": "emr", "web": "leads"})


class Found(NamedTuple):
    """Pairs of rows: truly one person's, joined, joined rightly, and those of the rest that stand in review.

    `false_merges` counts contacts that hold two people; `doubles` people of more than one contact.
    """

    true: int
    joined: int
    right: int
    reviewed: int
    false_merges: int

    @property
    def precision(self) -> float:
        """Share of the joined pairs that are one person's."""
        return self.right / self.joined if self.joined else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that are joined."""
        return self.right / self.true if self.true else 1.0

    @property
    def recall_with_review(self) -> float:
        """Share of the true pairs that are joined or wait for somebody to say so."""
        return (self.right + self.reviewed) / self.true if self.true else 1.0


def load(engine: Engine, known: Sequence[Known], *, resolving: bool) -> float:
    """Lands the rows page by page; returns the seconds of CPU."""
    began = time.process_time()
    for start in range(0, len(known), PAGE):
        page = known[start : start + PAGE]
        with writing(engine) as connection:
            for source, group in groupby(sorted(page, key=lambda k: k.source), key=lambda k: k.source):
                origin = rows.Origin(source, "patients", AT, first_pull=True)
                ids = rows.store_patients(connection, origin, [each.record for each in group])
                if resolving:
                    Resolver(SETTINGS, AT).resolve(connection, ids)
    return time.process_time() - began


def judge(engine: Engine, known: Iterable[Known]) -> Found:
    """Compares contacts with people."""
    person = {(k.source, k.record.external_id): k.person for k in known}
    p, k = t.patient_record.c, t.link.c
    query = select(k.contact, p.source, p.external_id, p.id).join(t.link, k.row_id == p.id).where(k.until.is_(None))
    held: dict[str, Counter[int]] = defaultdict(Counter)
    owner: dict[int, int] = {}
    with reading(engine) as connection:
        for contact, source, external_id, row in connection.execute(query):
            owner[row] = person[(source, external_id)]
            held[contact][owner[row]] += 1
        reviewed = sum(owner[pair["low"]] == owner[pair["high"]] for pair in matches.open_reviews(connection))
    return Found(
        true=_pairs(Counter(person.values())),
        joined=sum(comb(people.total(), 2) for people in held.values()),
        right=sum(map(_pairs, held.values())),
        reviewed=reviewed,
        false_merges=sum(len(people) > 1 for people in held.values()),
    )


def _pairs(counts: Mapping[int, int]) -> int:
    return sum(comb(n, 2) for n in counts.values())


def measure(count: int) -> dict[str, Any]:
    """What the ordinary practice's rows cost (without identity and with it), and how well known people are told apart.

    The first page warms everything up and is not counted.
    """
    gc.set_threshold(50_000, 20, 20)
    ordinary = [Known("emr", _ordinary(patient), patient.number) for patient in people(count, TODAY)]
    bare, whole = (_loaded(ordinary, resolving=resolving)[0] for resolving in (False, True))
    known = population(count // 2)
    _, found = _loaded(known, resolving=True)
    return {
        "rows": count,
        "load_micros": bare * 1e6 / (count - PAGE),
        "identity_micros": (whole - bare) * 1e6 / (count - PAGE),
        "known_rows": len(known),
        **found._asdict(),
        "precision": found.precision,
        "recall": found.recall,
        "recall_with_review": found.recall_with_review,
    }


def _ordinary(patient: Patient) -> PatientRow:
    digits = "".join(filter(str.isdigit, patient.phone))
    return PatientRow(
        external_id=str(patient.number),
        given_name=patient.given,
        family_name=patient.family,
        birth_date=patient.born,
        sex="female" if patient.sex == "female" else "male",
        email=patient.email or None,
        phone=f"+1{digits}" if digits else None,
        postal_code=patient.postal_code,
    )


def _loaded(known: Sequence[Known], *, resolving: bool) -> tuple[float, Found]:
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{Path(folder) / 'prm.db'}")
        open_schema(engine)
        warm = known[:PAGE]
        load(engine, warm, resolving=resolving)
        refresh_statistics(engine)
        cpu = load(engine, known[PAGE:], resolving=resolving)
        found = judge(engine, known) if resolving else Found(0, 0, 0, 0, 0)
        engine.dispose()
    return cpu, found


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
