"""The pool of decoders: what it finds out, what it survives, and what it leaves behind."""

import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile

import pytest

from app import decoding
from app.decoding import DecoderPool
from app.errors import BadImage, Busy, TooComplex
from tests import samples
from tests.processes import ROOT, SLOW, SOON_S, at_work, decoders, python


@pytest.fixture
def make_pool() -> Iterator[Callable[..., DecoderPool]]:
    """A maker of pools that are closed after the test; the machine may be busy, so they are patient."""
    with ExitStack() as stack:

        def make(size: int = 1, **options: float) -> DecoderPool:
            return stack.enter_context(closing(DecoderPool(size, **{"verify_timeout_s": SOON_S, **options})))

        yield make


def verify(pool: DecoderPool, data: bytes, content_type: str = "image/png") -> None:
    pool.verify(io.BytesIO(data), content_type)


def in_thread(call: Callable[..., None], *arguments: object) -> "Future[None]":
    threads = ThreadPoolExecutor(1)
    future = threads.submit(call, *arguments)
    threads.shutdown(wait=False)
    return future


def test_an_image_that_needs_too_much_memory_is_refused_and_the_decoder_goes_on(
    make_pool: Callable[..., DecoderPool],
) -> None:
    image = samples.make("bmp", 5000, 4000)  # 80 MB once decoded
    before, small = decoders(), make_pool(memory_bytes=64 << 20)
    verify(small, samples.make("png"))
    (child,) = decoders() - before

    with pytest.raises(BadImage, match="needs too much memory"):
        verify(small, image, "image/bmp")
    verify(small, samples.make("png"))
    assert decoders() - before == {child}
    verify(make_pool(memory_bytes=200 << 20), image, "image/bmp")


def test_an_image_that_takes_too_long_is_given_up_with_its_decoder(make_pool: Callable[..., DecoderPool]) -> None:
    before, pool = decoders(), make_pool(verify_timeout_s=0.3)
    verify(pool, samples.make("png"))
    first = decoders() - before

    with pytest.raises(TooComplex, match=r"more than 0\.3 seconds"):
        verify(pool, SLOW, "image/jpeg")
    assert decoders() == before
    verify(pool, samples.make("png"))
    assert first.isdisjoint(decoders())


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGSEGV])
def test_a_decoder_that_dies_at_work_takes_only_its_image_along(
    make_pool: Callable[..., DecoderPool], ending: signal.Signals
) -> None:
    before, pool = decoders(), make_pool()
    refused = in_thread(verify, pool, SLOW, "image/jpeg")
    os.kill(at_work(before), ending)

    with pytest.raises(BadImage, match="broke its decoder"):
        refused.result(SOON_S)
    verify(pool, samples.make("png"))


def test_a_decoder_that_died_while_idle_is_replaced(make_pool: Callable[..., DecoderPool]) -> None:
    before, pool = decoders(), make_pool()
    verify(pool, samples.make("png"))
    (first,) = decoders() - before
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)

    verify(pool, samples.make("png"))

    assert first not in decoders()


def test_decoders_are_replaced_after_a_number_of_images(
    make_pool: Callable[..., DecoderPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "RECYCLE_AFTER", 2)
    before, pool, seen = decoders(), make_pool(), []
    for _ in range(4):
        verify(pool, samples.make("png"))
        seen.append(decoders() - before)

    assert [len(one) for one in seen] == [1, 0, 1, 0]
    assert seen[0] != seen[2]


def test_avif_and_heic_never_share_a_process(make_pool: Callable[..., DecoderPool]) -> None:
    before, pool, seen = decoders(), make_pool(), []
    for kind in ("avif", "png", "avif", "heif", "heif", "avif"):
        verify(pool, samples.make(kind), samples.TYPES[kind])
        seen += decoders() - before

    assert [number == seen[0] for number in seen] == [True, True, True, False, False, False]
    assert seen[3] == seen[4] != seen[5]


def test_eight_threads_share_two_decoders(make_pool: Callable[..., DecoderPool]) -> None:
    before, pool = decoders(), make_pool(2)
    good, bad = samples.make("png", 400, 300), samples.make("png", 400, 300)[:-100]

    def one(number: int) -> str:
        try:
            verify(pool, bad if number % 3 == 0 else good)
        except BadImage:
            return "bad"
        return "good"

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(one, range(60)))

    assert results == ["bad" if number % 3 == 0 else "good" for number in range(60)]
    assert 1 <= len(decoders() - before) <= 2


def test_a_pool_whose_decoders_are_all_at_work_says_so(make_pool: Callable[..., DecoderPool]) -> None:
    before, pool = decoders(), make_pool(wait_s=0.1, verify_timeout_s=2)
    slow = in_thread(verify, pool, SLOW, "image/jpeg")
    at_work(before)

    with pytest.raises(Busy, match="all decoders are at work"):
        verify(pool, samples.make("png"))
    with pytest.raises(TooComplex):
        slow.result(SOON_S)


def test_other_greenlets_go_on_while_a_decoder_works() -> None:
    code = (
        "from gevent import monkey; monkey.patch_all()\n"
        "import io, sys, gevent\n"
        "from app.decoding import DecoderPool; from app.errors import TooComplex; from tests import samples\n"
        "slow_image = sys.stdin.buffer.read()\n"
        "pool, ticks, good = DecoderPool(1, verify_timeout_s=1), [], samples.make('png')\n"
        "def tick():\n"
        "    while True: ticks.append(gevent.sleep(0.02))\n"
        "def slow():\n"
        "    try: pool.verify(io.BytesIO(slow_image), 'image/jpeg')\n"
        "    except TooComplex: return len(ticks)\n"
        "gevent.spawn(tick)\n"
        "first, second = gevent.spawn(slow), gevent.spawn(pool.verify, io.BytesIO(good), 'image/png')\n"
        "gevent.joinall([first, second], raise_error=True)\n"
        "target = io.BytesIO(); pool.convert(io.BytesIO(samples.make('bmp')), target, 'image/bmp', 'image/png')\n"
        "pool.close()\n"
        "print(first.value, target.getvalue()[1:4])\n"
    )
    ticks, kind = python(code, SLOW).split()

    assert int(ticks) >= 20  # of 50 in the second that the slow one had
    assert kind == b"b'PNG'"


@pytest.mark.parametrize("kind", [TemporaryFile, SpooledTemporaryFile, io.BytesIO, open])
def test_the_server_reads_on_from_where_it_was(
    make_pool: Callable[..., DecoderPool], kind: Callable[..., io.BytesIO], tmp_path: Path
) -> None:
    data = samples.make("bmp", 200, 150)
    (path := tmp_path / "image").write_bytes(data)
    with kind(path, "rb") if kind is open else kind() as file:
        if kind is not open:
            file.write(data)
            file.seek(0)
        start = file.read(100)
        make_pool().verify(file, "image/bmp")
        file.seek(100)

        assert start + file.read() == data


def test_a_decoder_has_no_secret_no_terminal_and_narrow_limits(
    make_pool: Callable[..., DecoderPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOWERBIRD_S3_SECRET_ACCESS_KEY", "secret")
    before = decoders()
    with TemporaryFile() as bystander:
        os.set_inheritable(bystander.fileno(), True)
        verify(make_pool(), samples.make("png"))
    (child,) = decoders() - before
    names = {line.split("=")[0] for line in Path(f"/proc/{child}/environ").read_text().split("\0") if line}
    limits = Path(f"/proc/{child}/limits").read_text().splitlines()
    open_files = {str(one.readlink()) for one in Path(f"/proc/{child}/fd").iterdir()}

    assert names <= {"MALLOC_ARENA_MAX", "PATH", "PYTHONPATH", "LC_CTYPE"}
    assert os.getsid(child) == child
    limited = {line[:26].strip(): int(line.split()[-2]) for line in limits if line.split()[-2].isdecimal()}
    assert (limited["Max core file size"], limited["Max open files"]) == (0, 32)
    assert 1 << 30 < limited["Max address space"] < 1.25 * (1 << 30)
    assert {name.split(":")[0] for name in open_files} == {"/dev/null", "socket"}


def test_a_decoder_knows_nothing_of_the_server() -> None:
    code = "import sys, app.decoder; print({'flask', 'sqlalchemy', 'boto3', 'gevent', 'magic'} & set(sys.modules))"

    assert python(code) == b"set()\n"


def test_a_decoder_ends_with_its_server() -> None:
    code = (
        "import os, io; from app.decoding import DecoderPool; from tests import samples; p = DecoderPool(1);"
        "p.verify(io.BytesIO(samples.make('png')), 'image/png');"
        "print(open('/proc/self/task/%d/children' % os.getpid()).read(), flush=True); input(); os._exit(9)"
    )
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT) as server:
        ended = os.pidfd_open(int(server.stdout.readline()))
        try:
            server.communicate(b"\n", timeout=SOON_S)

            assert select.select([ended], [], [], SOON_S)[0]
        finally:
            os.close(ended)


def test_a_closed_pool_leaves_no_process_and_no_descriptor_behind() -> None:
    processes, descriptors = decoders(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    pool = DecoderPool(2, verify_timeout_s=0.5)
    verify(pool, samples.make("png"))
    pool.convert(io.BytesIO(samples.make("bmp")), io.BytesIO(), "image/bmp", "image/png")
    for data in (b"", SLOW):
        with pytest.raises(BadImage):
            verify(pool, data, "image/jpeg")
    pool.close()

    assert decoders() == processes
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    with pytest.raises(Busy, match="closed"):
        verify(pool, samples.make("png"))
