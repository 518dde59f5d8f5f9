"""One HTTP message as the stand-in reads it, drains it, or breaks it off."""

import socket
import struct

from tests.edge.relay import Relay

_DRAINED = 128 * 1024 * 1024


def headers_of(request: Relay) -> dict[str, str]:
    """Return the headers: lower-case names, repeated ones joined by commas, values as UTF-8 where they are."""
    found: dict[str, str] = {}
    for name, raw in request.headers.items():
        try:
            value = raw.encode("latin-1").decode()
        except UnicodeError:
            value = raw
        found[name.lower()] = f"{found[name.lower()]},{value}" if name.lower() in found else value
    return found


def drain(request: Relay, length: int) -> None:
    """Read away a body that was answered unread: closing at once would reset the connection under the answer."""
    left = min(length, _DRAINED)
    while left > 0 and (piece := request.rfile.read(min(left, 64 * 1024))):
        left -= len(piece)


def reset(request: Relay) -> None:
    """Break off so that the other side sees a reset, not an end."""
    request.close_connection = True
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
