"""Invents persons: no name, birth date or phone number is given out twice."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from random import Random
from typing import Literal, NamedTuple

from mappings.records import PayerClass
from sync.demo.chart import Answers, Home
from sync.demo.names import AREA_CODES, FAMILY, FEMALE, MALE, STREETS

Sex = Literal["female", "male"]
_PAYERS: tuple[tuple[PayerClass, int], ...] = (
    ("commercial", 45),
    ("medicare", 24),
    ("medicaid", 8),
    ("workers_comp", 10),
    ("auto", 4),
    ("tricare_va", 4),
    ("self_pay", 5),
)
_LANGUAGES = ("English",) * 18 + ("Spanish",) * 2


class Name(NamedTuple):
    """A person's sex and names."""

    sex: Sex
    given: str
    family: str


class Cast:
    """Hands out invented names, birth dates, phone numbers and homes; the same ones for the same seed and day."""

    def __init__(self, random: Random, today: date) -> None:
        self.random = random
        self._today = today
        self._used: set[tuple[str, str]] = set()
        self._days: set[date] = set()
        self._phones = self._numbers()

    def _numbers(self) -> Iterator[str]:
        numbers = [f"({area}) 555-01{last:02}" for area, last in product(AREA_CODES, range(100))]
        self.random.shuffle(numbers)
        return iter(numbers)

    def name(self, family: str | None = None) -> Name:
        """A new combination; with `family` a relative."""
        while True:
            sex: Sex = self.random.choice(("female", "male"))
            given = self.random.choice(FEMALE if sex == "female" else MALE)
            last = family or self.random.choice(FAMILY)
            if (given, last) not in self._used:
                self._used.add((given, last))
                return Name(sex, given, last)

    def born(self, youngest: float, oldest: float) -> date:
        """A birth date between two ages in years, whole years from the eighteenth birthday."""
        while True:
            day = self._today - timedelta(days=self.random.randint(int(youngest * 365.25), int(oldest * 365.25)))
            if day not in self._days:
                self._days.add(day)
                return day

    def phone(self) -> str:
        return next(self._phones)

    def home(self, name: Name) -> Home:
        """A household with an e-mail address and a phone number of its own."""
        domain = self.random.choice(("example.com", "example.org"))
        street = f"{self.random.randint(10, 999)} {self.random.choice(STREETS)}"
        return Home(email=f"{name.given}.{name.family}@{domain}".lower(), phone=self.phone(), street=street)

    def payer(self) -> PayerClass:
        return self.random.choices([payer for payer, _ in _PAYERS], [weight for _, weight in _PAYERS])[0]

    def language(self) -> str:
        return self.random.choice(_LANGUAGES)

    def answers(self, created: int) -> Answers:
        """Most say yes to mail about their care, fewer to news; some say no, many were never asked."""
        roll, day = self.random.random(), min(created + self.random.randint(0, 5), -2)
        if roll < 0.62:
            return Answers(email="Y", news=self.random.choice(("Y", "Y", "N", "")), day=day if roll > 0.03 else None)
        if roll < 0.70:
            return Answers(email="N", news="N", day=day)
        return Answers()
