"""Tries an account out: the token, the properties, opt-outs, lists; only reads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final

from connectors.base import Finding, Misconfigured, Unavailable, failure
from connectors.hubspot.portal import Declined, Portal
from connectors.hubspot.preferences import Preferences

Judge = Callable[[Portal], Sequence[tuple[str, str]]]
"""What is to be mended about properties, as (setting, sentence)."""
_NOBODY: Final = "nobody@example.com"


def findings(open_portal: Callable[[], AbstractContextManager[Portal]], judge: Judge) -> Iterator[Finding]:
    """Yields token, properties, opt-outs and lists; ends where the following steps would be pointless."""
    step = "token"
    try:
        with open_portal() as portal:
            wrong = judge(portal)
            yield Finding("token", ok=True, hint="HubSpot takes it")
            yield from (Finding("properties", ok=False, hint=sentence) for _, sentence in wrong)
            if not wrong:
                yield Finding("properties", ok=True, hint="they are as fields: needs them")
            step = "opt-outs"
            Preferences(portal, None).opted_out([_NOBODY])
            yield Finding("opt-outs", ok=True, hint="communication preferences can be read")
            step = "lists"
            portal.read("/crm/v3/lists/object-type-id/0-1/name/prm-sync", "/crm/v3/lists")
            yield Finding("lists", ok=True, hint="lists can be read")
    except Misconfigured as error:
        yield failure(step, error)
    except Unavailable as error:
        yield failure("server", error)
    except Declined as declined:
        yield Finding(step, ok=False, hint=f"HubSpot refused the call ({declined.verdict.code})")
