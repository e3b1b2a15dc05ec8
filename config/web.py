"""Where the daemon's web server listens."""

import re
from typing import Annotated

from pydantic import AfterValidator

from connectors.settings import Strict

_LISTEN = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})")


def _listen(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if match is None or int(match[2]) > 65_535:
        raise ValueError("write an address and a port, such as 127.0.0.1:8642")
    return value


class WebSettings(Strict):
    """Health, metrics, a status page and webhooks; anything but a loopback address belongs behind a reverse proxy."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8642"

    @property
    def host(self) -> str:
        """The address, without the brackets of an IPv6 one."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])
