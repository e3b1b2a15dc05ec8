"""Many values as one parameter: a JSON text that the database itself takes apart.

A page's thousand ids as a thousand parameters cost more time than the query does (SQLAlchemy renders each anew).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Select, String, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB


def as_list(values: Iterable[int] | Iterable[str]) -> str:
    """The parameter that stands for these values."""
    return orjson.dumps(list(values)).decode()


def as_map(values: Mapping[int, str]) -> str:
    """The parameter that stands for this map."""
    return orjson.dumps(values, option=orjson.OPT_NON_STR_KEYS).decode()


def ids(dialect: str, name: str = "ids") -> Select[int]:
    """A query for the ids in the parameter `name`."""
    if dialect == "sqlite":
        return select(func.json_each(bindparam(name, type_=String)).table_valued("value").c.value)
    return select(cast(func.jsonb_array_elements_text(_jsonb(name)), BigInteger))


def texts(dialect: str, name: str) -> Select[str]:
    """A query for the texts in the parameter `name`."""
    if dialect == "sqlite":
        return select(func.json_each(bindparam(name, type_=String)).table_valued("value").c.value)
    return select(func.jsonb_array_elements_text(_jsonb(name)))


def pairs(dialect: str, name: str) -> tuple[ColumnElement[int], ColumnElement[str]]:
    """The ids and texts of the map in the parameter `name`, as columns to select together."""
    each = func.json_each if dialect == "sqlite" else func.jsonb_each_text
    source = bindparam(name, type_=String) if dialect == "sqlite" else _jsonb(name)
    columns = each(source).table_valued("key", "value").c
    return cast(columns.key, BigInteger), columns.value


def _jsonb(name: str) -> Any:
    return cast(bindparam(name, type_=String), JSONB)
