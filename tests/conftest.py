"""What every test may ask for: Hypothesis profiles, and fresh databases on both engines.

`database_url` is a database with the product's tables and no rows, once on SQLite and once on PostgreSQL;
`empty_database_url` likewise without tables; `postgres_url` an empty one on PostgreSQL alone.

Workers of one run (`-n`) share one PostgreSQL: the process that starts them starts it before, and tells them where it is.
"""

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.database_server import Postgres, lay_out, postgresql

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

settings.register_profile(
    "ci", derandomize=True, max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
# What the registry of log events does not know is an error in tests, in the commands that they start, too.
os.environ["PRM_SYNC_STRICT_LOG"] = "1"

# A run that is told to stop ends like one that is interrupted: with its server.
signal.signal(signal.SIGTERM, signal.default_int_handler)

_SHARED = pytest.StashKey[Postgres]()
_MOST_WORKERS = 4


def pytest_collection_finish() -> None:
    """What is there before the first test stays: no collection looks at it again, no forked process copies it."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: a worker for each core that this process may use, four at most."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_WORKERS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Starts the server of the workers; it goes when all of them have gone."""
    stack = ExitStack()
    config.stash[_SHARED] = stack.enter_context(postgresql())
    config.add_cleanup(stack.close)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: "WorkerController") -> None:
    node.workerinput["postgres"] = str(node.config.stash[_SHARED].socket_folder)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """One real PostgreSQL for the whole run; without workers it is started by the first test that wants it."""
    worker = getattr(request.config, "workerinput", None)
    if worker is None:
        with postgresql() as running:
            yield running
    else:
        yield Postgres(socket_folder=Path(worker["postgres"]), prefix=f"{worker['workerid']}_")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("template") / "prm.db"
    path.touch()
    lay_out(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database without tables."""
    yield from postgres.clone("template0")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database without tables; on SQLite of a file that is not there yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'prm.db'}"
    else:
        yield request.getfixturevalue("postgres_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database with all tables and no rows."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "prm.db")
        yield f"sqlite:///{path}"
    else:
        yield from request.getfixturevalue("postgres").clone()
