"""`keys generate`: what prm-sync signs with where an EMR knows it by its key (SMART Backend Services)."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from sync.commands.options import stop
from sync.exit_codes import ERROR

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Keys by which an EMR knows prm-sync.", no_args_is_help=True)
    group.callback()(_keys)
    group.command("generate")(generate)
    app.add_typer(group, name="keys")


def _keys() -> None:
    """Keys by which an EMR knows prm-sync."""


def generate(
    folder: Annotated[Path, typer.Option("--folder", help="Where to write them.")] = Path("secrets"),
    algorithm: Annotated[
        Literal["ES384", "RS384"], typer.Option("--alg", help="What the server accepts; either of both will mostly do.")
    ] = "ES384",
    name: Annotated[str, typer.Option("--name", help="The files' name, such as that of the source.")] = "prm-sync",
) -> None:
    """Make a private key for a source's `auth: {kind: smart-backend}`, and the public set to hand to the EMR's registrar."""
    from connectors.auth.signing_key import generate as made

    if not _NAME.fullmatch(name):
        raise typer.BadParameter("letters, digits, dot, dash and underscore only", param_hint="--name")
    private, public = folder / f"{name}.jwk", folder / f"{name}.jwks.json"
    for path in (private, public):
        if os.path.lexists(path):
            raise stop(f"{path} is there already and is left as it is; give another --name")
    own, shown = made(algorithm)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(private, own, 0o600)
        _write(public, shown, 0o644)
    except OSError as error:
        raise stop(f"{error.filename or folder} cannot be written ({error.strerror})", ERROR) from None
    typer.echo(_advice(private, public))


def _write(path: Path, content: bytes, mode: int) -> None:
    """Makes a file that is not there yet; its mode is set before anything is in it."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)


def _advice(private: Path, public: Path) -> str:
    return f"""\
wrote {private} (private; whoever has it can read what the client may read)
wrote {public} (public)
Next:
1. Register prm-sync as a backend service with the EMR; hand in {public.name}, or its content. You get a client id.
2. Write into the source, with the path from the configuration's folder:
     auth: {{kind: smart-backend, client_id: CLIENT-ID, key: {{file: {private}}}, scopes: [system/Patient.rs, ...]}}
3. Run: prm-sync check --live
To replace a key later, make one of another name, have both public keys registered, then change the path."""
