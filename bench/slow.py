"""Others beside a slow client: what they wait while a body of 100 MB, or one that drips, is under way."""

import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench import crowd
from bench.contenders import OURS, Contender, bowerbird, gthread, peer, warm
from bench.crowd import Order, Outcome
from bench.figures import percentile
from bench.form import framed
from bench.images import Picture
from bench.peers import Peer
from bench.report import Column, Measure, number

LARGE_BYTES, SMALL_BYTES = 100_000_000, 40_000
FAST_LINE, SLOW_LINE = 10_000_000, 50_000  # bytes a second
DRIPS = 8
WATCHED_S = 6.0
MOST_S = 60.0  # for the large upload to be answered
CLIENTS, EVERY_S = 4, 0.2
GTHREAD = "gthread 2x4"
_TICK_S = 0.02

COLUMNS = (
    Column("meanwhile", "meanwhile"),
    Column("who", "contender"),
    Column("asked for", "asked"),
    Column("answers", "answers"),
    Column("p50, ms", "p50_ms", number(1)),
    Column("p99, ms", "p99_ms", number(1)),
    Column("longest, ms", "longest_ms", number(1)),
    Column("p99 of a quiet server's", "p99_to_quiet", number(2)),
)
HOW = f"""{CLIENTS} clients ask for `/healthz` and {CLIENTS} others upload 40 kB over the local disk, each every
{EVERY_S * 1000:.0f} ms, and what they wait counts from when a request was due. Meanwhile nothing; an upload of
100 MB at 10 MB/s, until it is answered; one at 50 kB/s, for {WATCHED_S:.0f} s of it; or {DRIPS} clients whose bodies
drip, a byte a second. `{GTHREAD}` is the same app under gunicorn's threads, as many as clients that drip."""


def measure(*, workers: int, peers: Sequence[Peer] = ()) -> Measure:
    """Measure what others wait beside each kind of slow client."""
    found = Measure("slow", "Others beside a slow client", HOW, COLUMNS)
    large, small = Picture.make(LARGE_BYTES), Picture.make(SMALL_BYTES)
    with ExitStack() as stack:
        everyone = [
            stack.enter_context(bowerbird(None, workers=workers, name=OURS)),
            stack.enter_context(gthread(name=GTHREAD)),
            *(peer(one) for one in peers),
        ]
        path = Path(stack.enter_context(TemporaryDirectory(prefix="bench-"))) / "picture"
        small.write(path)
        for one in everyone:
            warm(one, small)
            found.rows.extend(_rows(one, path, large))
    return found


def _rows(contender: Contender, small: Path, large: Picture) -> Iterator[dict[str, object]]:
    quiet: dict[str, float] = {}
    for meanwhile, beside in _cases(contender, large):
        print(f"slow: {contender.name}, {meanwhile}", file=sys.stderr)
        for asked, outcome in _watch(contender, small, beside).items():
            row: dict[str, object] = {"meanwhile": meanwhile, "contender": contender.name, "asked": asked}
            row |= {"answers": len(outcome.times_s), "refusal": outcome.refusal}
            if outcome.times_s:
                p99_ms = percentile(outcome.times_s, 99) * 1000
                row |= {"p50_ms": percentile(outcome.times_s, 50) * 1000, "p99_ms": p99_ms}
                row |= {
                    "longest_ms": max(outcome.times_s) * 1000,
                    "p99_to_quiet": p99_ms / quiet.setdefault(asked, p99_ms),
                }
            yield row
        contender.empty()


Beside = Callable[[], None]


def _cases(contender: Contender, large: Picture) -> Iterator[tuple[str, Beside]]:
    yield "nothing", lambda: time.sleep(WATCHED_S)
    yield "100 MB at 10 MB/s", lambda: _send(contender, large, FAST_LINE, MOST_S)
    yield "100 MB at 50 kB/s", lambda: _send(contender, large, SLOW_LINE, WATCHED_S)
    yield f"{DRIPS} dripping clients", lambda: _drip(contender, large)


def _watch(contender: Contender, small: Path, beside: Beside) -> dict[str, Outcome]:
    """Let others ask while `beside` goes on, and return what came of it."""
    health = Order(f"{contender.base}/healthz", CLIENTS, headers=contender.headers, every_s=EVERY_S)
    uploads = contender.order(small, clients=CLIENTS, count=None, every_s=EVERY_S)
    with ExitStack() as stack:
        outcomes = {"/healthz": stack.enter_context(crowd.running(health))} if contender.folder else {}
        outcomes["an upload of 40 kB"] = stack.enter_context(crowd.running(uploads))
        beside()
    return outcomes


def _send(contender: Contender, picture: Picture, rate: int, most_s: float) -> None:
    """Upload the picture at `rate` bytes a second until it is answered, at most so long."""
    with _begun(contender, picture) as (sock, body):
        started, sent = time.monotonic(), 0
        while sent < len(body) and time.monotonic() - started < most_s:
            due = min(len(body), int((time.monotonic() - started + _TICK_S) * rate))
            sock.sendall(body[sent:due])
            sent = due
            time.sleep(_TICK_S)
        if sent == len(body):
            sock.settimeout(max(1.0, most_s - (time.monotonic() - started)))
            sock.recv(1000)


def _drip(contender: Contender, picture: Picture) -> None:
    """Hold connections whose bodies come by a byte a second."""
    with ExitStack() as stack:
        held = [stack.enter_context(_begun(contender, picture)) for _ in range(DRIPS)]
        for number in range(int(WATCHED_S)):
            for sock, body in held:
                with suppress(OSError):
                    sock.send(body[number : number + 1])
            time.sleep(1)


@contextmanager
def _begun(contender: Contender, picture: Picture) -> Iterator[tuple[socket.socket, memoryview]]:
    """Begin an upload; yield its connection, and the body that is still to be sent."""
    content_type, before, after = framed(contender.field)
    body = before + picture.another() + after
    parts = urlsplit(contender.url)
    lines = [f"POST {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Type: {content_type}"]
    lines += [f"{name}: {value}" for name, value in contender.headers]
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as sock:
        sock.sendall("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode())
        yield sock, memoryview(body)
