"""Tries a folder of tables out: what matches each table's files."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from connectors.base import Finding, Unavailable, failure
from connectors.folder_probe import files_finding, folder_finding, none_finding
from connectors.tabular.files import find_files
from connectors.tabular.plans import FeedPlan


def findings(folder: Path, feeds: Sequence[FeedPlan], at: datetime, *, by_folder: bool) -> Iterator[Finding]:
    """Yields the folder, then a finding a table; reads no file."""
    yield (first := folder_finding(folder))
    if not first.ok:
        return
    any_found = False
    for feed in feeds:
        try:
            found = [each.path for each in find_files(folder, feed.patterns, by_folder=by_folder)]
        except Unavailable as error:
            yield failure(f"files of {feed.plan.table}", error)
            continue
        any_found = any_found or bool(found)
        yield files_finding(feed.plan.table, feed.patterns, found, at)
    if not any_found:
        yield none_finding(folder)
