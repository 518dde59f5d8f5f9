"""What systemd is told, so that a unit of `Type=notify` has started once the server answers, and not before."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NAME = "NOTIFY_SOCKET"


@contextmanager
def told_at_the_end() -> Iterator[None]:
    """Tell systemd, if it listens, at the end of the block that the server is ready; gunicorn would tell it as soon as
    there is an address to listen on."""
    address = os.environ.pop(_NAME, "")
    if not address:
        yield
        return
    # Made before gevent patches sockets, for the master has no loop of gevent's.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        yield
        os.environ[_NAME] = address  # for the master after a reload
        with suppress(OSError):
            sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            sock.sendall(b"READY=1")
