"""Where the database is: read from the configuration, else from the surroundings of the service."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import DatabaseSettings
from connectors.base import Misconfigured
from connectors.settings import SecretRef, read_secret

_SETTING = "database.url"
_SQLITE = "sqlite:///"
_POSTGRESQL = "postgresql+psycopg://"


def resolve_database(settings: DatabaseSettings, folder: Path) -> str:
    """Returns the database's URL, secrets read and SQLite's path absolute; relative ones start at `folder`.

    Without a URL it is `prm.db` in $STATE_DIRECTORY (systemd.exec(5)), else in `var` under the folder.
    Raises Misconfigured when a secret cannot be read or the URL is of neither engine.
    """
    if settings.url is None:
        state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        return f"{_SQLITE}{Path(state) if state else folder.absolute() / 'var'}/prm.db"
    url = read_secret(settings.url, _SETTING) if isinstance(settings.url, SecretRef) else settings.url
    fault = url_fault(url)
    if fault is not None:
        raise Misconfigured(_SETTING, fault)
    if not url.startswith(_SQLITE):
        return url
    return _SQLITE + str(folder.absolute() / url.removeprefix(_SQLITE))


def url_fault(url: str) -> str | None:
    """Says what is wrong with a URL, without its text; None when it is fine."""
    if url.startswith(_SQLITE):
        path = url.removeprefix(_SQLITE)
        return "the SQLite URL names no file" if not path or path.startswith(":") else None
    if not url.startswith(_POSTGRESQL):
        return f"write {_SQLITE}PATH or {_POSTGRESQL}…"
    try:
        return None if urlsplit(url).path.strip("/") else f"the URL names no database ({_POSTGRESQL}host/database)"
    except ValueError:
        return "this is no URL"


def holds_password(url: str) -> bool:
    """True when a URL carries a password, which belongs behind a reference."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.password) or "password=" in parts.query
