"""Which of a server's links lie at the server."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urljoin, urlsplit

from connectors.http.origin import Origin, origin_of

_OFFSET: Final = re.compile(r"(?<=[0-9])\+(?=[0-9]{2}(?::|%3[Aa])?[0-9]{2})")


class Links:
    """Maps links to URLs below the base URL."""

    def __init__(self, base_url: str, also_called: Sequence[str]) -> None:
        self._base = base_url
        self._names = [_origin(name) for name in (base_url, *also_called)]

    @property
    def host(self) -> str:
        """The server's host, for errors."""
        return self._names[0].host

    def near(self, url: str) -> str | None:
        """The link below the base URL; None when it leads elsewhere.

        Scheme, host, port and base path are compared as such: a base URL inside another's query does not count.
        """
        whole = self._whole(url)
        for name in self._names:
            if name.holds(whole):
                parts = urlsplit(whole)
                return self._base + parts.path[len(name.path) :] + _query(parts.query)
        return None

    def beside(self, url: str) -> str | None:
        """The link where it lies anywhere at the base URL's scheme, host and port; None when it leads elsewhere.

        Jobs and their files do, beside the base URL: Epic's /api/FHIR/BulkRequest, SMART's bulk-data-server.
        """
        whole = self._whole(url)
        if not self._names[0]._replace(path="").holds(whole):
            return None
        parts = urlsplit(whole)
        return f"{parts.scheme}://{parts.netloc}{parts.path}{_query(parts.query)}"

    def _whole(self, url: str) -> str:
        try:
            return urljoin(self._base + "/", url)
        except ValueError:
            return ""


def _query(text: str) -> str:
    return "?" + _OFFSET.sub("%2B", text) if text else ""


def _origin(url: str) -> Origin:
    found = origin_of(url)
    assert found is not None  # noqa: S101 - the settings have read it
    return found
