"""Tells systemd how the service is, by the protocol of sd_notify(3): one datagram to $NOTIFY_SOCKET."""

import os
import socket


def notify(state: str) -> None:
    """Sends `READY=1`, `STOPPING=1` or `WATCHDOG=1`; without systemd it does nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # A name that begins with @ is of Linux's abstract namespace, which begins with a zero byte.
    where = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        # A service manager that does not listen must not stop the service.
        channel.setblocking(False)
        try:
            channel.sendto(state.encode(), where)
        except OSError:
            return
