"""What a connector raises: who must act, and whether anything can have taken effect."""


class Unavailable(Exception):
    """The outside system cannot be used now; nothing of the call can have taken effect. Try again later (75)."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Misconfigured(Exception):
    """A setting is wrong in a way that only a person can mend; `setting` names it (77 for credentials, else 78)."""

    def __init__(self, setting: str, message: str, *, credentials: bool = False) -> None:
        super().__init__(f"{setting}: {message}")
        self.setting = setting
        self.credentials = credentials


class Unerasable(Exception):
    """The destination will not erase this subscriber; `code` says why, and a person must do it there."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unsent(Exception):
    """The destination refuses an event; it is told no more."""


class Untold(Exception):
    """An event went out and no answer came: it may have been taken, and is not sent again."""


class Forged(Exception):
    """A webhook's call that is not the provider's, or cannot be read; nothing of it counts."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.code = reason.replace(" ", "_")


class Refusal(Exception):
    """A whole file was refused and left where it was.

    Carries the file's name, a code (cut_last_line, unclosed_quote, wrong_encoding, duplicate_header,
    missing_column, empty_file, too_large, unreadable), the line and column where known, and advice.
    Never a value.
    """

    def __init__(
        self, name: str, code: str, advice: str, *, line: int | None = None, column: str | None = None
    ) -> None:
        where = name + (f":{line}" if line is not None else "") + (f", column {column!r}" if column else "")
        super().__init__(f"{where}: {code.replace('_', ' ')}; {advice}")
        self.name, self.code, self.advice, self.line, self.column = name, code, advice, line, column
