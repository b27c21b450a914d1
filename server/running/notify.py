"""What systemd is told, by sd_notify(3): that the server is there, and that its parent's event loop turns."""

import logging
import os
import socket
from functools import partial

from server.runtime.background import Background

log = logging.getLogger("wabao.supervisor")


def tell(said: str) -> None:
    """Tell the service manager, if there is one. If it does not listen, log that: the server serves on."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.setblocking(False)
        try:
            manager.sendto(said.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
        except OSError as error:
            log.warning("NOTIFY_SOCKET: %s was not told: %s", said, error)


async def _tell(said: str) -> None:
    tell(said)


def feed_watchdog(working: Background) -> None:
    """Say that we live, twice as often as WatchdogSec asks for, until `working` ends."""
    if every := int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6:
        working.repeat(partial(_tell, "WATCHDOG=1"), every, at_once=True, name="the watchdog of systemd")
