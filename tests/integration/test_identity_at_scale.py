"""Identity over an invented population with known truth: nobody is joined with somebody else, and cost stays linear."""

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
from sqlalchemy import Engine

from bench.identity import AT, judge, load
from bench.population import DESK_PHONE, population
from mappings.records import PatientRow
from sync.store import rows
from sync.store.candidates import candidates
from sync.store.engine import connect, reading, writing


@pytest.fixture
def engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    path = tmp_path / "prm.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = connect(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def test_families_twins_slips_and_renamed_people_cause_no_false_merge(engine: Engine) -> None:
    known = population(700, seed=11)
    load(engine, known, resolving=True)
    found = judge(engine, known)
    assert found.false_merges == 0
    assert found.recall > 0.6
    assert found.recall_with_review > 0.95


def test_a_birth_date_and_a_phone_that_everybody_has_cost_no_more_with_more_people(engine: Engine) -> None:
    few, many = (_steps(engine, count) for count in (300, 1500))
    assert many < 1.3 * few


def _steps(engine: Engine, count: int) -> int:
    """What the database does to find the candidates of 50 rows among so many, in hundreds of its virtual machine's steps."""
    dice = random.Random(count)
    people = [
        PatientRow(
            external_id=f"{count}-{n}",
            given_name="Ann",
            family_name="".join(dice.choices(ascii_lowercase, k=9)),
            birth_date=date(1980, 1, 1),
            phone=DESK_PHONE,
        )
        for n in range(count)
    ]
    with writing(engine) as connection:
        ids = rows.store_patients(connection, rows.Origin("emr", "patients", AT, first_pull=True), people)
    steps: list[None] = []
    with reading(engine) as connection:
        driver: Any = connection.connection.driver_connection
        candidates(connection, ids[:1], {DESK_PHONE})
        driver.set_progress_handler(lambda: steps.append(None), 100)
        candidates(connection, ids[-50:], {DESK_PHONE})
        driver.set_progress_handler(None, 0)
    return len(steps)
