"""`python -m bench.client`: many clients in one process, over bare sockets, so that they cost little beside what they
measure. Reads what to do as one line of JSON (see crowd.Order) and writes what came of it as another.
"""

import json
import math
import select
import socket
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.answer import Answer
from bench.form import framed
from bench.images import Picture

_READ_BYTES = 256 * 1024
_SILENCE_S = 60.0  # after which what is still open counts as not answered


class Requests:
    """What to send: every request with a boundary, a file name and an image of its own."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._picture = Picture.read(Path(order["picture"])) if order["picture"] else None
        self._field = order["field"]
        lines = [f"{order['method']} {order['path']} HTTP/1.1", f"Host: {order['host']}:{order['port']}"]
        self._head = "\r\n".join(lines + [f"{name}: {value}" for name, value in order["headers"]]) + "\r\n"

    def next(self) -> deque[memoryview]:
        """Return a request in pieces; the large one of them is always the same memory."""
        if self._picture is None:
            return _views(self._head.encode() + b"\r\n")
        content_type, before, after = framed(self._field)
        end = self._picture.another_end() + after
        size = len(before) + len(self._picture.start) + len(end)
        head = f"{self._head}Content-Type: {content_type}\r\nContent-Length: {size}\r\n\r\n"
        return _views(head.encode() + before, self._picture.start, end)


def _views(*pieces: bytes) -> deque[memoryview]:
    return deque(memoryview(piece) for piece in pieces if piece)


class Client:
    """One connection, opened anew where the server ended it, and the request that is under way on it."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._sock: socket.socket | None = None
        self._is_used = False
        self.due = 0.0
        self.started: float | None = None

    def begin(self, started: float) -> None:
        """Send the next request; it counts from `started`."""
        self.started = started
        self._send(self._crowd.requests.next())

    def _send(self, pieces: deque[memoryview]) -> None:
        self._pieces, self._answer = pieces, Answer()
        self._again = deque(pieces) if self._is_used else None
        if self._sock is None:
            self._sock = socket.socket()
            self._sock.setblocking(False)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._crowd.know(self._sock.fileno(), self)
            self._sock.connect_ex(self._crowd.address)
        self._crowd.poll.modify(self._sock, select.EPOLLIN | select.EPOLLOUT)

    def go_on(self, event: int) -> None:
        """Send and receive what is possible now."""
        if self._sock is None or self.started is None:
            return self.drop()  # the server ended a connection that waited for its next request
        try:
            if event & select.EPOLLOUT and self._pieces:
                self._write(self._sock)
            if event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                data = self._sock.recv(_READ_BYTES)
                self._answer.take(data) if data else self._answer.end()
                if not data or self._answer.is_whole:
                    self._done()
        except BlockingIOError:
            pass
        except OSError as e:
            if event & select.EPOLLIN and not self._pieces:
                self._answer.end()
                return self._done(str(e))
            self._broken(str(e))

    def _write(self, sock: socket.socket) -> None:
        sent = sock.sendmsg(self._pieces)
        while sent and sent >= len(self._pieces[0]):
            sent -= len(self._pieces.popleft())
        if sent:
            self._pieces[0] = self._pieces[0][sent:]
        if not self._pieces:
            self._crowd.poll.modify(sock, select.EPOLLIN)

    def _broken(self, why: str) -> None:
        """The server does not read on; what it has said may be there all the same."""
        self._pieces.clear()
        with suppress(OSError):
            while self._sock and (data := self._sock.recv(_READ_BYTES)):
                self._answer.take(data)
        if not self._answer.is_whole:
            self._answer.end()
        self._done(why)

    def _done(self, why: str = "the connection ended") -> None:
        answer = self._answer
        if not answer.is_begun and self._again:  # the end of an idle connection and a request crossed each other
            again = self._again
            self.drop()
            self._send(again)
            return
        took_s = time.perf_counter() - (self.started or 0)
        self.started, self._is_used = None, True
        if not answer.is_kept or self._pieces or not answer.is_whole:
            self.drop()
        self._crowd.note(self, took_s, answer.status if answer.is_whole else 0, answer.told or why.encode())

    def drop(self) -> None:
        """End the connection."""
        if self._sock:
            self._crowd.forget(self._sock.fileno())
            self._sock.close()
        self._sock, self._is_used = None, False


class Crowd:
    """All clients, until `count` requests were answered or, without a count, until standard input ends."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.requests = Requests(order)
        self.address = (order["host"], order["port"])
        self.poll = select.epoll()
        self._left = math.inf if order["count"] is None else order["count"]
        self._ends_at = math.inf
        self._every_s = order["every_s"]
        self._clients = [Client(self) for _ in range(min(order["clients"], order["count"] or order["clients"]))]
        self._idle = list(self._clients)
        for number, client in enumerate(self._clients):  # not all at the same moment
            client.due = time.perf_counter() + self._every_s * number / len(self._clients)
        self._by_fd: dict[int, Client] = {}
        self.times: list[float] = []
        self.statuses: dict[int, int] = {}
        self.refusal = self.first = ""

    def know(self, fd: int, client: Client) -> None:
        """Tell `client` what happens at `fd`."""
        self._by_fd[fd] = client
        self.poll.register(fd, select.EPOLLIN)

    def forget(self, fd: int) -> None:
        """Tell nobody any more."""
        self.poll.unregister(fd)
        del self._by_fd[fd]

    def note(self, client: Client, took_s: float, status: int, told: bytes) -> None:
        """Note one answer; 0 is none. Only what was taken counts for the times."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        # Who asks at fixed times has waited since then, also while the request before it held the connection up:
        # otherwise a server that stands still for long would count as one long answer among many short ones.
        client.due = client.due + self._every_s if self._every_s else time.perf_counter()
        self._idle.append(client)
        said = f"{status or 'no answer'}: {told.decode(errors='replace')}"
        if status // 100 in (2, 3):
            self.times.append(took_s)
            self.first = self.first or said
        else:
            self.refusal = self.refusal or said

    def run(self) -> None:
        """Let all of them go on until it is over."""
        if self._left == math.inf:
            self.poll.register(sys.stdin, select.EPOLLIN)
        heard = time.perf_counter()
        while self._begin() or self._is_waiting():
            events = self.poll.poll(self._wait_s())
            for fd, event in events:
                if fd in self._by_fd:
                    self._by_fd[fd].go_on(event)
                elif fd == sys.stdin.fileno():
                    self.poll.unregister(sys.stdin)
                    self._ends_at = time.perf_counter()
            now = time.perf_counter()
            if events or not self._is_waiting():
                heard = now
            elif now - heard > _SILENCE_S:
                return self._give_up()

    def _begin(self) -> bool:
        """Send the requests that are due; return whether there are more to send."""
        now = time.perf_counter()
        waiting, self._idle = self._idle, []
        for client in waiting:
            if not self._left or client.due > min(now, self._ends_at):
                self._idle.append(client)
                continue
            self._left -= 1
            client.begin(client.due if self._every_s else now)
        return self._left > 0 and now < self._ends_at

    def _is_waiting(self) -> bool:
        return len(self._idle) < len(self._clients)

    def _wait_s(self) -> float:
        if not self._left or not self._idle or self._ends_at < math.inf:
            return 1.0
        return min(1.0, max(0.0, min(client.due for client in self._idle) - time.perf_counter()))

    def _give_up(self) -> None:
        for client in set(self._clients) - set(self._idle):
            self.note(client, 0, 0, f"within {_SILENCE_S:.0f} s".encode())


def main() -> None:
    """Do what is asked, and tell what came of it."""
    order = json.loads(sys.stdin.readline())
    crowd = Crowd(order)
    started, used = time.perf_counter(), time.process_time()
    crowd.run()
    told = {
        "wall_s": time.perf_counter() - started,
        "cpu_s": time.process_time() - used,
        "times_s": crowd.times,
        "statuses": crowd.statuses,
        "refusal": crowd.refusal,
        "first": crowd.first,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
