"""The composition root: from a configuration to a service that can run; the only file that names concrete classes."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Final, Literal

from sqlalchemy import Engine

from config.load import Config, database_url
from connectors.base import Destination, FileDestination, Lent, ListDestination, Memo, Source
from connectors.registry import DESTINATIONS, SOURCES
from sync.cycles import collect_less
from sync.preparation import Standards
from sync.store.engine import connect
from sync.store.memos import StoredMemo
from sync.store.schema import open_schema

CALLS_AT_ONCE: Final = 8
"""Of the ten connections that Mailchimp grants an account, two are left to the practice's other tools."""
CALLS_TO_AN_EMR: Final = 5
"""An EMR works for its clinic first; other pullers keep to as many (smart-on-fhir/cumulus-fhir-support)."""


class Slots:
    """The connectors' `Budget`: so many calls to one account at once."""

    def __init__(self, number: int = CALLS_AT_ONCE) -> None:
        self._semaphore = BoundedSemaphore(number)

    def slot(self) -> AbstractContextManager[Any]:
        """Waits for a place and holds it for as long as the block runs."""
        return self._semaphore


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything that a pass needs. `asked`: when this process last found nothing to mend at a destination."""

    config: Config
    engine: Engine
    sources: Mapping[str, Source]
    destinations: Mapping[str, Destination | FileDestination | ListDestination]
    standards: Standards
    asked: dict[str, datetime] = field(default_factory=dict)

    @property
    def codes_file(self) -> Path:
        """Where the code book is copied to: beside the database, unless the configuration says otherwise."""
        if self.config.settings.codes_file is not None:
            return self.config.settings.codes_file
        database = self.engine.url.database
        beside = Path(database).parent if self.engine.dialect.name == "sqlite" and database else self.config.folder
        return beside / "prm-sync.codes.yaml"


def open_engine(config: Config) -> Engine:
    """Opens the database and creates an empty one; raises Misconfigured or SchemaMismatch."""
    engine = connect(database_url(config))
    open_schema(engine)
    return engine


def build(config: Config) -> Service:
    """Makes the service of a configuration; raises Misconfigured or SchemaMismatch."""
    collect_less()
    engine = open_engine(config)
    destinations = {
        name: _make(DESTINATIONS, name, s, config, engine) for name, s in config.settings.destinations.items()
    }
    return Service(
        config=config,
        engine=engine,
        sources={name: _make(SOURCES, name, s, config, engine) for name, s in config.settings.sources.items()},
        destinations=destinations,
        standards=Standards.of(config, {name: made.capabilities for name, made in destinations.items()}),
    )


def _make(registry: Mapping[str, str], name: str, settings: Any, config: Config, engine: Engine) -> Any:
    return _connector(registry, name, settings, config, StoredMemo(engine, name))


def make_unstored(config: Config, kind: Literal["source", "destination"], name: str, memo: Memo) -> Any:
    """Makes one connector that keeps what it remembers in `memo` instead of the database; raises Misconfigured."""
    settings = config.settings
    if kind == "source":
        return _connector(SOURCES, name, settings.sources[name], config, memo)
    return _connector(DESTINATIONS, name, settings.destinations[name], config, memo)


def _connector(registry: Mapping[str, str], name: str, settings: Any, config: Config, memo: Memo) -> Any:
    module, _, attribute = registry[settings.kind].partition(":")
    connector = getattr(import_module(module), attribute)
    lent = Lent(memo=memo, budget=Slots(CALLS_TO_AN_EMR if registry is SOURCES else CALLS_AT_ONCE))
    return connector(name, settings, config.settings.surroundings(), lent)
