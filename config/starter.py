"""The first configuration of a practice: commented, safe, and good to load as it is."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from config import schema

_TEMPLATES = Path(__file__).parent / "examples" / "starter"
_PRIVATE_FOLDERS = ("secrets", "drops")
_KEY_BYTES = 32


def _template(name: str) -> Callable[[], str]:
    return lambda: (_TEMPLATES / name).read_text(encoding="utf-8")


_FILES: dict[str, Callable[[], str]] = {
    "prm-sync.yaml": _template("prm-sync.yaml"),
    "operators/segments.yaml": _template("operators/segments.yaml"),
    ".gitignore": _template("gitignore"),
    "prm-sync.schema.json": lambda: schema.FILE.read_text(encoding="utf-8"),
    "secrets/log.key": lambda: secrets.token_hex(_KEY_BYTES) + "\n",
}


def starter(folder: Path) -> list[Path]:
    """Writes the files into a folder, which is made where it is missing; returns them in order.

    Secrets are readable by their owner alone. Raises FileExistsError naming the first file that is there
    already; nothing is written then.
    """
    paths = {folder / name: content for name, content in _FILES.items()}
    for path in paths:
        if path.exists() or path.is_symlink():
            raise FileExistsError(f"{path} is there already; nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PRIVATE_FOLDERS:
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    for path, content in paths.items():
        path.parent.mkdir(exist_ok=True)
        _write_new(path, content(), 0o600 if path.parent.name == "secrets" else 0o644)
    return list(paths)


def _write_new(path: Path, content: str, mode: int) -> None:
    """Writes a file that must not exist, with its permissions from the first moment on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(content)
