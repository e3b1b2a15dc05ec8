"""Where the database is."""

from pathlib import Path

import pytest

from config.database import holds_password, resolve_database
from config.settings import DatabaseSettings
from connectors.base import Misconfigured
from connectors.settings import SecretRef

FOLDER = Path("/etc/prm-sync")


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("sqlite:///var/prm.db", "sqlite:////etc/prm-sync/var/prm.db"),
        ("sqlite:////srv/prm.db", "sqlite:////srv/prm.db"),
        ("postgresql+psycopg://db.example.com/prm", "postgresql+psycopg://db.example.com/prm"),
    ],
)
def test_relative_sqlite_urls_start_at_the_configs_folder(written: str, used: str) -> None:
    assert resolve_database(DatabaseSettings(url=written), FOLDER) == used


def test_without_a_url_it_is_in_the_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/prm-sync:/var/lib/other")
    assert resolve_database(DatabaseSettings(), FOLDER) == "sqlite:////var/lib/prm-sync/prm.db"


def test_without_a_state_directory_it_is_beside_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert resolve_database(DatabaseSettings(), FOLDER) == "sqlite:////etc/prm-sync/var/prm.db"


def test_a_url_may_come_from_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://u:p@db.example.com/prm")
    url = resolve_database(DatabaseSettings(url=SecretRef(env="DATABASE_URL")), FOLDER)
    assert url == "postgresql+psycopg://u:p@db.example.com/prm"


@pytest.mark.parametrize(
    "url",
    ["mysql://hunter2", "postgresql://hunter2/x", "sqlite:///", "sqlite:///:memory:", "postgresql+psycopg://hunter2"],
)
def test_other_urls_are_refused_without_repeating_them(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(Misconfigured, match=r"^database\.url: ") as caught:
        resolve_database(DatabaseSettings(url=SecretRef(env="DATABASE_URL")), FOLDER)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql+psycopg://u:p@h/d", True),
        ("postgresql+psycopg://h/d?user=u&password=p", True),
        ("postgresql+psycopg://u@h/d", False),
        ("sqlite:///var/prm.db", False),
    ],
)
def test_a_password_in_a_url_is_found(url: str, found: bool) -> None:
    assert holds_password(url) is found
