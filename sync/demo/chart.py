"""One patient as one EMR knows them, and the person behind it."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from mappings.records import PayerClass, Status
from sync.demo.care import History
from sync.demo.clinics import Clinic


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a household lives and how it is reached; "" where the EMR knows nothing."""

    email: str
    phone: str
    street: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a patient said about being written to, and on which day (counted from today; None = undated)."""

    email: Literal["Y", "N", ""] = ""
    news: Literal["Y", "N", ""] = ""
    day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A patient at one EMR. `born` is None where the EMR has nothing readable."""

    source: str
    external_id: str
    clinic: Clinic
    given: str
    family: str
    sex: Literal["female", "male"]
    born: date | None
    minor: bool
    home: Home
    language: str
    payer: PayerClass
    history: History
    answers: Answers = Answers()
    guardian_email: str = ""
    replaced_by: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The source and the external id."""
        return self.source, self.external_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A row of the web-lead list; `since` is the day of the inquiry, counted from today."""

    external_id: str
    given: str
    family: str
    email: str
    phone: str
    site: str
    lead_source: str
    since: int
    opt_in: Literal["yes", "no", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """A contact as it should come out: its status by construction and the rows that belong to it."""

    status: Status
    history: str
    rows: tuple[tuple[str, str], ...]
