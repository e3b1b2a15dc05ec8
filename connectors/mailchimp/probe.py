"""Tries an audience out: the key, the audience, its merge fields; only reads."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from connectors.base import Finding, Misconfigured, Unavailable, failure
from connectors.mailchimp.audience import Audience, Declined

Judge = Callable[[Sequence[Mapping[str, Any]]], Sequence[str]]
"""What is to be mended about merge fields."""


def findings(open_audience: Callable[[], AbstractContextManager[Audience]], judge: Judge) -> Iterator[Finding]:
    """Yields key, audience and merge fields; ends where the following steps would be pointless."""
    step = "key"
    try:
        with open_audience() as audience:
            step = "audience"
            audience.require()
            yield Finding("key", ok=True, hint="Mailchimp takes it")
            yield Finding("audience", ok=True, hint="the key's account has it")
            step = "merge fields"
            wrong = judge(audience.merge_fields())
            yield from (Finding(step, ok=False, hint=sentence) for sentence in wrong)
            if not wrong:
                yield Finding(step, ok=True, hint="they are as fields: needs them")
    except Misconfigured as error:
        yield failure("key" if error.credentials else step, error)
    except Unavailable as error:
        yield failure("server", error)
    except Declined as declined:
        yield Finding(step, ok=False, hint=f"Mailchimp refused the call ({declined.verdict.code})")
