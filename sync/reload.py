"""Reading a changed configuration under a running daemon: it is taken whole, or not at all."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from config.load import database_url, load
from config.problem import ConfigError
from connectors.base import Misconfigured
from sync.build import Service, build
from sync.log import place_of, set_up
from sync.store.schema import SchemaMismatch


class Rejected(Exception):
    """The configuration on disk cannot be used; `keys` are for the log and hold no value of it, `files` are at fault."""

    def __init__(self, keys: dict[str, Any], files: Iterable[str] = ()) -> None:
        super().__init__(keys.get("next", "the configuration cannot be used"))
        self.keys, self.files = keys, frozenset(map(Path, files))


class Reloading:
    """Makes the service anew from the files of the one before."""

    def __init__(self, service: Service) -> None:
        self._database = database_url(service.config)

    def renewed(self, service: Service) -> Service:
        """Returns the service of the configuration as it is on disk now; raises Rejected."""
        try:
            config = load(service.config.path)
            if database_url(config) != self._database:
                raise Rejected({"next": "database.url was changed; restart the service to take another database"})
            made = build(config)
            set_up(config)
        except ConfigError as error:
            first = error.problems[0]
            raise Rejected(
                {
                    "file": first.file,
                    "line": first.line,
                    "column": first.column,
                    "n_problems": len(error.problems),
                    "next": f"{first.path}: {first.message}" if first.path else first.message,
                },
                (problem.file for problem in error.problems),
            ) from None
        except (Misconfigured, SchemaMismatch) as error:
            raise Rejected({"next": str(error)}) from None
        except (OSError, SQLAlchemyError) as error:
            raise Rejected({"error": type(error).__name__, "place": place_of(error)}) from None
        return made
