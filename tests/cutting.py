"""A bad line: a TCP relay that cuts its connections after so many bytes, and large files to send over it."""

import random
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

RESET, END, DEAD = "reset", "end", "dead"  # how a line is cut; a dead one tells the server nothing


class Cutter:
    """A line to `port` of this host. Each of the `cuts` cuts the connection that brings the server so many bytes, those
    of all connections counted, in its way; `on_cut` is told how many cuts there were, before the client hears of it."""

    def __init__(
        self, port: int, cuts: Sequence[tuple[int, str]], on_cut: Callable[[int], None] = lambda count: None
    ) -> None:
        self.count = 0
        self._bytes = 0
        self._lock = threading.Lock()
        self._upstream = port
        self._cuts = list(cuts)
        self._on_cut = on_cut
        self._kept: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._kept:
            _reset(sock)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._upstream))
        except OSError:
            return _reset(client)
        threading.Thread(target=_pipe, args=(server, client), daemon=True).start()
        with suppress(OSError):
            while data := client.recv(self._room()):
                server.sendall(data)
                if way := self._way(len(data)):
                    self._on_cut(self.count)
                    if way == DEAD:
                        self._kept.append(server)
                        return _reset(client)
                    if way == RESET:
                        _reset(server)
                    break
        _reset(client)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)
        return None

    def _room(self) -> int:
        """Return how much may be read without going past the next cut."""
        with self._lock:
            return max(1, min(65536, self._cuts[0][0] - self._bytes)) if self._cuts else 65536

    def _way(self, count: int) -> str | None:
        """Count bytes that went to the server, and return how the line is cut behind them, if it is."""
        with self._lock:
            self._bytes += count
            if not self._cuts or self._bytes < self._cuts[0][0]:
                return None
            self.count += 1
            return self._cuts.pop(0)[1]


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
    source.close()


def _reset(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RD)  # whoever reads from it is to wake
    sock.close()


def random_cuts(count: int, most: int, seed: int) -> list[tuple[int, str]]:
    """Return `count` cuts anywhere in the first `most` bytes, each in one of the three ways."""
    draw = random.Random(seed)
    return [(at, draw.choice((RESET, END, DEAD))) for at in sorted(draw.sample(range(1, most), count))]


def write_png(path: Path, height: int, *, width: int = 6000, seed: int = 1) -> None:
    """Write a good PNG of noise, 16 bits RGBA: eight bytes for each pixel, not compressed."""
    draw, deflate = random.Random(seed), zlib.compressobj(0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)))
        for _ in range(height):
            if data := deflate.compress(b"\0" + draw.randbytes(8 * width)):
                file.write(_chunk(b"IDAT", data))
        file.write(_chunk(b"IDAT", deflate.flush()) + _chunk(b"IEND", b""))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
