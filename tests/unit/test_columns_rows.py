"""Whole rows through a compiled plan: what lands, what is dropped with a warning, what is quarantined."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.body import ABSENT, broken
from mappings.canonical import CANONICAL
from mappings.columns import compile_plan
from mappings.plan import Column, ConsentPlan, Flag, Once, Plan, Practice, SitePlan
from mappings.records import Consent, EpisodeRow, Kind, Mapped, PatientRow, Rejected, SupplementRow, VisitRow, Warned
from mappings.rejections import REJECTIONS

ZONES = {"lincoln": ZoneInfo("America/Chicago"), "boulder": ZoneInfo("America/Denver")}
PRACTICE = Practice(
    zone=ZONES["lincoln"],
    site_zones=ZONES,
    outcomes={"completed": ("DS", "Goals met"), "self_discharged": ("Stopped",)},
    payers=({"workers_comp": ("7",)},),
)


def plan(kind: Kind, *, columns: Mapping[str, Column] | None = None, **more: Any) -> Plan:
    """A plan with every canonical name under its own name, and the given columns in their places."""
    generic = {name: Column(column=name) for name in CANONICAL[kind]}
    return Plan(table=kind, kind=kind, columns=generic | dict(columns or {}), **more)


def read(a_plan: Plan, folder: str = "", **cells: str) -> Mapped | Rejected:
    body = (a_plan.table, folder, *(cells.get(name.replace(" ", "_"), "") for name in a_plan.layout()))
    return compile_plan(a_plan, PRACTICE)(cells.get("external_id", "").strip(), body)


def record(outcome: Mapped | Rejected) -> Any:
    assert isinstance(outcome, Mapped), outcome
    return outcome.record


VISIT = {
    "external_id": "A1",
    "patient_id": "P1",
    "starts_at": "2026-03-02 09:00",
    "status": "booked",
    "site": "boulder",
}


def test_a_patient_row_carries_every_typed_value() -> None:
    row = record(
        read(
            plan("patients"),
            external_id=" 007 ",
            given_name="  Ann ",
            family_name="Lee",
            birth_date="1980-02-03",
            sex="F",
            email="Ann@Example.com",
            phone="402 555 0123",
            language="English",
            payer="7",
            active="yes",
            deceased="no",
            lead_since="2026-01-02",
            created_at="2026-01-02 10:00",
            site="boulder",
        )
    )
    assert row == PatientRow(
        external_id="007", given_name="Ann", family_name="Lee", birth_date=date(1980, 2, 3), sex="female",
        email="ann@example.com", phone="+14025550123", language="en", payer_class="workers_comp", active=True,
        lead_since=date(2026, 1, 2), created_at=datetime(2026, 1, 2, 17, 0, tzinfo=UTC), site="boulder",
    )  # fmt: skip


def test_an_unreadable_optional_value_is_dropped_with_a_warning_and_the_row_lands() -> None:
    outcome = read(plan("patients"), external_id="1", birth_date="soon", phone="0000000000", sex="?", email="ann@")
    assert isinstance(outcome, Mapped)
    assert record(outcome) == PatientRow(external_id="1", email_invalid=True)
    assert set(outcome.warnings) == {
        Warned("birth_date", "unreadable_value"),
        Warned("phone", "placeholder_value"),
        Warned("sex", "unreadable_value"),
        Warned("email", "unreadable_value"),
    }


def test_a_full_name_fills_both_names_only_where_they_are_missing() -> None:
    assert record(read(plan("patients"), external_id="1", full_name="LEE, ANN")).given_name == "ANN"
    both = record(read(plan("patients"), external_id="1", full_name="Lee, Ann", given_name="Anna", family_name="Leigh"))
    assert (both.given_name, both.family_name) == ("Anna", "Leigh")


def test_a_row_without_its_id_is_rejected_by_name() -> None:
    assert read(plan("patients"), given_name="Ann") == Rejected(
        code="missing_value", field="external_id", column="external_id"
    )


def test_a_rejected_row_says_its_site_where_the_source_or_a_column_gives_it() -> None:
    one = plan("patients", site=SitePlan(fixed="lincoln"))
    nameless = read(one, given_name="Ann", site=ABSENT)
    cut = compile_plan(one, PRACTICE)("1", broken("patients", ["1", "Ann"]))
    assert [row.site for row in (nameless, cut) if isinstance(row, Rejected)] == ["lincoln", "lincoln"]


def test_one_column_may_feed_several_names() -> None:
    columns = {"external_id": Column(column="MRN"), "referred_by": Column(column="MRN")}
    row = record(read(plan("patients", columns=columns), MRN="9", external_id="9"))
    assert (row.external_id, row.referred_by) == ("9", "9")


def test_a_map_is_compared_trimmed_and_without_case() -> None:
    status = Column(column="Status", codes={"seen": "fulfilled"})
    assert (
        record(read(plan("appointments", columns={"status": status}), **VISIT | {"Status": " SEEN "})).status
        == "fulfilled"
    )


def test_a_canonical_status_stands_for_itself_beside_a_map() -> None:
    status = Column(column="Status", codes={"seen": "fulfilled"})
    assert (
        record(read(plan("appointments", columns={"status": status}), **VISIT | {"Status": "Booked"})).status
        == "booked"
    )


def test_an_unlisted_code_is_quarantined_with_what_could_be_read() -> None:
    status = Column(column="Status", codes={"seen": "fulfilled"})
    outcome = read(plan("appointments", columns={"status": status}), **VISIT | {"Status": "ZZ", "episode_id": "E1"})
    assert outcome == Rejected(
        code="unknown_code", field="status", column="Status", patient_id="P1", episode_id="E1", day=date(2026, 3, 2),
        site="boulder",
    )  # fmt: skip


def test_a_status_without_a_map_that_nobody_knows_is_an_unknown_code() -> None:
    outcome = read(plan("appointments"), **VISIT | {"status": "LWBS"})
    assert isinstance(outcome, Rejected)
    assert outcome.code == "unknown_code"


def test_a_default_stands_in_for_an_unlisted_code_and_an_empty_cell() -> None:
    status = Column(column="Status", codes={"seen": "fulfilled"}, default="booked")
    for cell in ("ZZ", ""):
        assert (
            record(read(plan("appointments", columns={"status": status}), **VISIT | {"Status": cell})).status
            == "booked"
        )


def test_an_unlisted_appointment_type_is_an_unknown_type() -> None:
    kind = Column(column="Type", codes={"e": "evaluation"})
    outcome = read(plan("appointments", columns={"kind": kind}), **VISIT | {"Type": "X"})
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.column) == ("unknown_type", "Type")


def test_text_without_end_is_dropped_and_a_required_id_without_end_is_refused() -> None:
    name, text = "N" * 251, "t" * 601
    outcome = read(plan("patients"), external_id="1", family_name=name, city=text, given_name="Ann")
    row = record(outcome)
    assert (row.given_name, row.family_name, row.city) == ("Ann", None, None)
    endless = dict(VISIT, patient_id="p" * 251)
    assert read(plan("appointments"), **endless) == Rejected(
        code="unreadable_value", field="patient_id", column="patient_id", day=date(2026, 3, 2), site="boulder"
    )
    assert read(plan("patients"), external_id="1" * 251) == Rejected(
        code="unreadable_value", field="external_id", column="external_id"
    )


@pytest.mark.parametrize(
    ("name", "code"), [("patient_id", "missing_value"), ("starts_at", "missing_value"), ("status", "missing_value")]
)
def test_a_visit_needs_its_patient_start_and_status(name: str, code: str) -> None:
    outcome = read(plan("appointments"), **VISIT | {name: ""})
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field) == (code, name)


def test_an_unreadable_start_keeps_the_patient_but_no_day() -> None:
    outcome = read(plan("appointments"), **VISIT | {"starts_at": "tomorrow"})
    assert outcome == Rejected(
        code="unreadable_value", field="starts_at", column="starts_at", patient_id="P1", site="boulder"
    )


def test_a_naive_start_is_of_the_visits_site() -> None:
    row = record(read(plan("appointments"), **VISIT | {"starts_at": "2026-03-02 23:30"}))
    assert isinstance(row, VisitRow)
    assert (row.starts_at, row.day) == (datetime(2026, 3, 3, 6, 30, tzinfo=UTC), date(2026, 3, 2))


def test_a_booked_visit_is_once_its_check_in_is_filled_what_the_plan_says() -> None:
    status = Column(column="Status", codes={"active": "booked"}, once=Once("check_in", "arrived"))
    a_plan = plan("appointments", columns={"status": status})
    rows = [record(read(a_plan, **VISIT | {"Status": "Active", "check_in": cell})).status for cell in ("", "09:01")]
    assert rows == ["booked", "arrived"]


# ---------------------------------------------------------------- sites

MAPPED = SitePlan(column="clinic", codes={"101": "lincoln"})


def test_a_site_comes_from_the_sources_column_and_map() -> None:
    a_plan = plan("patients", site=MAPPED)
    assert record(read(a_plan, external_id="1", clinic="101", site=ABSENT)).site == "lincoln"


@pytest.mark.parametrize(("cell", "code"), [("999", "unknown_site"), ("", "missing_value")])
def test_a_clinic_in_no_map_or_empty_is_quarantined(cell: str, code: str) -> None:
    outcome = read(plan("patients", site=MAPPED), external_id="1", clinic=cell, site=ABSENT)
    assert outcome == Rejected(code=code, field="site", column="clinic")


def test_a_default_site_takes_unknown_clinics() -> None:
    a_plan = plan("patients", site=SitePlan(column="clinic", codes={"101": "lincoln"}, default="boulder"))
    assert record(read(a_plan, external_id="1", clinic="999", site=ABSENT)).site == "boulder"


def test_a_rows_own_site_column_goes_before_the_sources_site() -> None:
    a_plan = plan("patients", site=SitePlan(fixed="lincoln"))
    sites = [record(read(a_plan, external_id="1", site=cell)).site for cell in ("boulder", "", ABSENT)]
    assert sites == ["boulder", "lincoln", "lincoln"]


def test_a_site_that_is_not_configured_is_unknown() -> None:
    outcome = read(plan("patients"), external_id="1", site="atlantis")
    assert isinstance(outcome, Rejected)
    assert outcome.code == "unknown_site"


def test_a_site_may_be_the_folders() -> None:
    a_plan = plan("patients", site=SitePlan(by_folder=True, codes={"denver": "boulder"}))
    assert record(read(a_plan, "denver", external_id="1", site=ABSENT)).site == "boulder"
    assert isinstance(read(a_plan, "elsewhere", external_id="1", site=ABSENT), Rejected)


def test_a_table_without_the_clinics_column_leaves_the_site_open() -> None:
    assert record(read(plan("patients", site=MAPPED), external_id="1", clinic=ABSENT, site=ABSENT)).site is None


# ---------------------------------------------------------------- consent

COLUMN = ConsentPlan(
    column="ok", always=None, yes=frozenset({"y"}), no=frozenset({"n"}), channels=("email",),
    purposes=("treatment", "marketing"), dated_by="signed", formats=("%m/%d/%Y",), evidence="form",
)  # fmt: skip


def consents(ok: str, signed: str = "") -> tuple[tuple[Consent, ...], tuple[Warned, ...]]:
    outcome = read(plan("patients", consents=(COLUMN,)), external_id="1", ok=ok, signed=signed)
    assert isinstance(outcome, Mapped)
    return record(outcome).consents, outcome.warnings


def test_a_consent_column_gives_a_dated_decision_for_each_purpose() -> None:
    given_, warnings = consents(" N ", "02/03/2026")
    assert [(each.purpose, each.decision, each.decided_on) for each in given_] == [
        ("treatment", "no", date(2026, 2, 3)),
        ("marketing", "no", date(2026, 2, 3)),
    ]
    assert warnings == ()


def test_a_blank_consent_is_no_decision() -> None:
    assert consents("") == ((), ())


def test_a_word_in_neither_list_is_a_warning_and_no_decision() -> None:
    assert consents("perhaps") == ((), (Warned("consent", "unknown_code"),))


def test_an_unreadable_date_leaves_the_decision_undated() -> None:
    given_, warnings = consents("Y", "soon")
    assert {each.decided_on for each in given_} == {None}
    assert warnings == (Warned("consent", "unreadable_value"),)


def test_a_stated_basis_is_no_decision_of_the_persons_own() -> None:
    always = ConsentPlan(
        column=None, always="web form", yes=frozenset(), no=frozenset(), channels=("email",), purposes=("marketing",)
    )
    assert record(read(plan("patients", consents=(always,)), external_id="1")).consents == (
        Consent(channel="email", purpose="marketing", decision="yes", evidence="web form", basis=True),
    )


# ---------------------------------------------------------------- episodes, supplements, flags


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [("goals MET", "completed"), ("Stopped", "self_discharged"), ("Other", "unknown"), ("", None)],
)
def test_an_episodes_outcome_is_its_reason_through_the_map(reason: str, outcome: str | None) -> None:
    row = record(read(plan("episodes"), external_id="E1", patient_id="P1", discharge_reason=reason))
    assert isinstance(row, EpisodeRow)
    assert row.outcome == outcome


def test_a_supplement_speaks_in_the_names_of_the_row_it_adds_to() -> None:
    row = record(read(plan("supplements"), external_id="R1", target_id="P1", payer="7", as_of="2026-02-03"))
    assert row == SupplementRow(
        external_id="R1",
        target="patient",
        target_id="P1",
        as_of=date(2026, 2, 3),
        values={"payer_class": "workers_comp"},
    )


def test_a_row_that_the_export_flag_removes_is_gone() -> None:
    a_plan = plan("patients", flag=Flag("export_flag", frozenset({"3"})))
    assert read(a_plan, external_id="1", export_flag="3") == Mapped(record=None, removed=True)
    assert isinstance(record(read(a_plan, external_id="1", export_flag="2")), PatientRow)


def test_a_row_with_too_few_cells_is_rejected() -> None:
    a_plan = plan("patients")
    assert compile_plan(a_plan, PRACTICE)("1", broken("patients", ["1", "Ann"])) == Rejected(code="cell_count")


@given(st.sampled_from(["patients", "appointments", "episodes", "supplements"]), st.data())
def test_no_row_makes_the_mapping_raise(kind: Kind, data: st.DataObject) -> None:
    a_plan = plan(kind, site=MAPPED, consents=(COLUMN,) if kind == "patients" else ())
    cells = st.one_of(
        st.text(max_size=12), st.sampled_from(["2026-03-02 09:00", "booked", "101", "1e9", "a@b.c", "+", "٣"])
    )
    body = (kind, "", *data.draw(st.tuples(*[cells] * len(a_plan.layout()))))
    outcome = compile_plan(a_plan, PRACTICE)("1", body)
    if isinstance(outcome, Rejected):
        assert outcome.code in REJECTIONS


@pytest.mark.parametrize(
    ("name", "garbled"),
    [
        ("Ren\ufffde", True),
        ("Zoë".encode().decode("cp1252"), True),
        ("Núñez".encode().decode("latin-1"), True),
        ("O’Brien".encode().decode("cp1252"), True),
        ("Zoë", False),
        ("SÃO", False),
        ("Ânia Ångström", False),
        ("Nguyễn", False),
    ],
)
def test_fault_54_a_garbled_name_is_kept_and_told(name: str, garbled: bool) -> None:
    outcome = read(plan("patients"), external_id="1", given_name=name)
    assert isinstance(outcome, Mapped)
    assert record(outcome).given_name == name
    assert outcome.warnings == ((Warned("given_name", "garbled_text"),) if garbled else ())
