"""What a rule may ask of one fact; every predicate but `NoneValue` fails on a missing value."""

from dataclasses import dataclass

from mappings.points import Point

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of these (text or number)."""

    values: tuple[str, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """Every bound given holds: at_least and at_most include their end, over and under do not, between both."""

    at_least: float | None = None
    at_most: float | None = None
    over: float | None = None
    under: float | None = None
    between: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Days:
    """The value is one of these days."""

    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """Every bound given holds.

    over: earlier than the point, or, where the point is `ahead`, later than it. within: from the point to today
    or from today to the point. between: from the first to the second. The last two include both ends.
    """

    over: Point | None = None
    within: Point | None = None
    between: tuple[Point, Point] | None = None


@dataclass(frozen=True, slots=True)
class Months:
    """The value is one of these months (1 to 12), or the month of today."""

    numbers: tuple[int, ...]
    this_month: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """The value is this one."""

    value: bool


@dataclass(frozen=True, slots=True)
class Has:
    """The list holds at least one of these."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoneValue:
    """There is no value; an empty list is none."""


@dataclass(frozen=True, slots=True)
class Known:
    """There is a value."""


Predicate = OneOf | Number | Days | Dates | Months | Flag | Has | NoneValue | Known
