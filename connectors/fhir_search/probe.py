"""Tries a server out: what it says of itself, and one record of each type that would be asked for."""

from collections.abc import Callable, Iterator

from connectors.base import Finding, Misconfigured, Unavailable, failure
from connectors.fhir.capability import Capability
from connectors.fhir_search.ask import Declined
from connectors.fhir_search.page import SearchPage
from connectors.fhir_search.profiles import Knobs

_HINT = "set the server's profile, query or by_patient, or leave it out of resources"
Sample = Callable[[str, Capability], SearchPage]
"""Asks for one record of a type, as the first pass would."""


def records(able: Capability, knobs: Knobs, sample: Sample) -> Iterator[Finding]:
    """Yields a finding a type; ends after two that the credentials do not open when none was open before."""
    shut, opened = 0, False
    for resource in knobs.searched():
        step = f"one {resource}"
        if able.offers(resource) is False and not knobs.explicit:
            yield Finding(step, ok=True, hint="the server does not list this type; it is not asked for")
            continue
        try:
            finding = _record(step, sample(resource, able))
            opened = opened or finding.ok
        except Declined as declined:
            finding = Finding(step, ok=False, hint=f"the server refuses the search ({declined.why}); {_HINT}")
        except (Unavailable, Misconfigured) as error:
            finding = failure(step, error)
            shut += isinstance(error, Misconfigured) and error.credentials
        yield finding
        if shut > 1 and not opened:
            return


def _record(step: str, page: SearchPage) -> Finding:
    if any(issue.severe for issue in page.issues):
        return Finding(step, ok=False, hint="the answer holds an error; ask whoever keeps the server")
    came = "one came" if page.matches else "there is none, or none may be seen: check the scopes"
    return Finding(step, ok=True, hint=came)
