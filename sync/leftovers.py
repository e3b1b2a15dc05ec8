"""Files that still come for a source that is retired."""

from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path

from config.load import Config
from config.problem import Problem


def late_files(config: Config, at: datetime) -> Iterator[Problem]:
    """A warning for each retired source with a folder in which files have changed since its day."""
    zone = config.settings.practice.timezone
    for name, source in config.settings.sources.items():
        folder = getattr(source, "folder", None)
        if source.retired is None or folder is None or not config.settings.is_retired(name, at):
            continue
        begins = datetime.combine(source.retired, time.min, zone)
        n = sum(changed >= begins.timestamp() for changed in _changes(folder))
        if n:
            message = f"retired since {source.retired.isoformat()}, but {n:,} files came after; nothing reads them"
            yield config.problem(("sources", name, "retired"), message)


def _changes(folder: Path) -> Iterator[float]:
    try:
        for path in folder.rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                yield path.stat().st_mtime
    except OSError:
        return
