"""Where the files of an export lie while they are read: a private folder that does not outlive the run for long."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from connectors.base import Memo, Unavailable

_KEY: Final = "folder"
_PREFIX: Final = "prm-sync-export-"


class Folder:
    """A folder for its owner only (0700), made when it is needed below the system's temporary folder (TMPDIR).

    Its path is remembered, so that what a killed process left is removed by the next one.
    """

    def __init__(self, memo: Memo) -> None:
        self._memo, self._made = memo, Path()
        held = memo.get(_KEY)
        if held is not None:
            _remove(Path(str(held.get("path", ""))))

    @property
    def path(self) -> Path:
        """The folder; raises Unavailable when it cannot be made."""
        if self._made == Path():
            try:
                self._made = Path(tempfile.mkdtemp(prefix=_PREFIX))
            except OSError as error:
                raise Unavailable(f"no temporary folder can be made ({error.strerror}); set TMPDIR") from None
            self._memo.put(_KEY, {"path": str(self._made)})
        return self._made

    def remove(self) -> None:
        """Removes the folder with all that it holds. Writes nothing: it may be called at any time."""
        if self._made != Path():
            shutil.rmtree(self._made, ignore_errors=True)
            self._made = Path()


def _remove(path: Path) -> None:
    """Removes an earlier process's folder, and nothing that is not certainly one."""
    try:
        ours = path.name.startswith(_PREFIX) and not path.is_symlink() and path.stat().st_uid == os.getuid()
    except OSError:
        return
    if ours:
        shutil.rmtree(path, ignore_errors=True)
