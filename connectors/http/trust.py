"""Which certificates are accepted; there is no way to accept any."""

import ssl
from pathlib import Path

from connectors.base import Misconfigured


def trust_of(ca_file: Path | None, setting: str) -> ssl.SSLContext | None:
    """A TLS context that trusts `ca_file` (PEM); None for none. The transport adds the public authorities to either.

    Raises Misconfigured naming `setting` when the file cannot be read or holds no certificate.
    """
    if ca_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=str(ca_file))
    except ssl.SSLError:
        raise Misconfigured(setting, f"{ca_file} holds no certificate; it must be PEM") from None
    except OSError as error:
        raise Misconfigured(setting, f"{ca_file} cannot be read ({error.strerror})") from None
    return context
