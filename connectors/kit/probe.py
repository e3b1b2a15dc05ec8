"""Tries an account out: the key, the custom fields, the tags; only reads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from connectors.base import Finding, Misconfigured, Unavailable, failure
from connectors.http import Request
from connectors.kit.account import Account, Declined

Judge = Callable[[Account], Sequence[str]]
"""What is to be mended about custom fields."""


def findings(open_account: Callable[[], AbstractContextManager[Account]], judge: Judge) -> Iterator[Finding]:
    """Yields key, fields and tags; ends where the following steps would be pointless."""
    step = "key"
    try:
        with open_account() as account:
            account.send(Request(method="GET", path="/v4/account", template="/v4/account"))
            yield Finding("key", ok=True, hint="Kit takes it")
            step = "custom fields"
            wrong = judge(account)
            yield from (Finding(step, ok=False, hint=sentence) for sentence in wrong)
            if not wrong:
                yield Finding(step, ok=True, hint="they are as fields: needs them")
            step = "tags"
            count = sum(len(page) for page in account.listed("/v4/tags", "tags"))
            yield Finding(step, ok=True, hint=f"the account has {count}")
    except Misconfigured as error:
        yield failure(step, error)
    except Unavailable as error:
        yield failure("server", error)
    except Declined as declined:
        yield Finding(step, ok=False, hint=f"Kit refused the call ({declined.verdict.code})")
