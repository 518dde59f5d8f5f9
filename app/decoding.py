"""A pool of decoder processes, bounded in memory and time: no pixel is ever decoded in the server itself."""

import json
import os
import queue
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from .containers.base import COPY_BYTES, VIDEO_TYPES
from .errors import BadImage, Busy, TooComplex

MEMORY_BYTES = 1 << 30  # a progressive JPEG of 50 megapixels needs half of it
VERIFY_S, CONVERT_S = 5.0, 15.0
REMUX_S = 60.0  # two hours of a QuickTime movie are 800,000 packets
START_S = 10.0
WAIT_S = 30.0  # for a free one: two images that take all their time may be in front
RECYCLE_AFTER = 200  # images; so no leak of a decoding library grows for ever
_MESSAGE_BYTES = 4096
# Libraries that bring builds of the same codecs, by the types they are for: never two of them in one process.
_RIVALS = {
    "image/avif": "libavif",
    "image/heic": "libheif",
    **dict.fromkeys(VIDEO_TYPES, "ffmpeg"),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a thumbnail is like (see app/thumbnail.py); `damage` says why frames behind the first cannot be decoded."""

    width: int
    height: int
    blurhash: str
    color: str
    damage: str | None = None


class DecoderPool:
    """Up to `size` decoders, each one started when it is first needed. Threads and greenlets may share the pool.

    Under gevent call it from greenlets, never from native threads: only the main loop hears of a process's end.
    Every call raises BadImage if the image is broken or its decoder died of it, TooComplex if it took too long, and
    Busy if no decoder was free within half a minute. Other images never notice.
    """

    def __init__(
        self,
        size: int | None = None,
        *,
        memory_bytes: int = MEMORY_BYTES,
        verify_timeout_s: float = VERIFY_S,
        convert_timeout_s: float = CONVERT_S,
        wait_s: float = WAIT_S,
        watch: Callable[[str], AbstractContextManager[None]] = lambda task: nullcontext(),
    ) -> None:
        """`size` is the number of cores if left out, `memory_bytes` what one image may need in its decoder; `watch`
        surrounds each task: `verify`, `convert` or `draw`."""
        self._watch = watch
        self._memory_bytes = memory_bytes
        self._verify_s, self._convert_s, self._wait_s = verify_timeout_s, convert_timeout_s, wait_s
        self._free: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        for _ in range(size or os.cpu_count() or 1):
            self._free.put(None)
        self._closed = False

    def verify(self, file: BinaryIO, content_type: str) -> None:
        """Decode every frame of the image, and return if all of it is there.

        Of a JPEG the first picture is decoded, of a video the first frame. The place in `file` may change if it is a
        SpooledTemporaryFile or in memory.
        """
        self._ask({"content_type": content_type, "timeout_s": self._verify_s}, file)

    def convert(self, source: BinaryIO, target: BinaryIO, content_type: str, converts_to: str) -> tuple[int, int]:
        """Write the image in `source` to `target` as `converts_to`, upright, with its colour profile and no metadata.

        `converts_to` is image/jpeg, image/png or video/mp4. Returns the width and height of what was written. Of
        several pages the first is taken. A video/quicktime becomes video/mp4 packet by packet; its size is not told
        (0, 0). Nothing is written if it raises.
        """
        timeout_s = REMUX_S if converts_to == "video/mp4" else self._convert_s
        task = {"content_type": content_type, "converts_to": converts_to, "timeout_s": timeout_s}
        answer = self._make(task, source, target)
        return answer["width"], answer["height"]

    def draw(self, source: BinaryIO, target: BinaryIO, content_type: str) -> Drawn:
        """Write the thumbnail of the image in `source` to `target`, having decoded all of the image on the way; of a
        video as much as there is time for."""
        task = {"content_type": content_type, "is_thumbnail": True, "timeout_s": self._convert_s}
        return Drawn(**self._make(task, source, target))

    def close(self) -> None:
        """End every decoder that is idle; those at work end with their work. From now on every call raises Busy."""
        self._closed = True
        with suppress(queue.Empty):
            while True:
                if decoder := self._free.get_nowait():
                    decoder.kill()

    def _make(self, task: dict[str, Any], source: BinaryIO, target: BinaryIO) -> dict[str, Any]:
        with TemporaryFile() as result:
            answer = self._ask(task, source, result.fileno())
            result.seek(0)
            while data := result.read(COPY_BYTES):
                target.write(data)
        return answer

    def _ask(self, task: dict[str, Any], source: BinaryIO, *targets: int) -> dict[str, Any]:
        name = "draw" if "is_thumbnail" in task else "convert" if targets else "verify"
        with self._watch(name):
            with _descriptor(source) as descriptor, self._decoder(task["content_type"]) as decoder:
                answer = decoder.ask(task, [descriptor, *targets])
            if problem := answer.get("problem"):
                what = task["content_type"].partition("/")[0]
                raise BadImage(f"the {what} cannot be decoded: {problem}")
        return answer

    @contextmanager
    def _decoder(self, content_type: str) -> Iterator["_Decoder"]:
        """Lend a decoder that works. It is taken back if nothing was raised and it may go on, else it is ended."""
        if self._closed:
            raise Busy("the decoders are closed; the server is about to end")
        try:
            decoder = self._free.get(timeout=self._wait_s)
        except queue.Empty as e:
            raise Busy("all decoders are at work; try again in a moment") from e
        is_good = False
        try:
            if decoder and not decoder.takes(content_type):
                decoder.kill()
                decoder = None
            decoder = decoder or _Decoder(self._memory_bytes)
            yield decoder
            is_good = not decoder.is_worn and not self._closed
        finally:
            if decoder and not is_good:
                decoder.kill()
            self._free.put(decoder if is_good else None)


class _Decoder:
    """One process (app/decoder.py) and the socket to it. Raises Busy if it cannot be started."""

    def __init__(self, memory_bytes: int) -> None:
        self._count = 0
        self._rival = ""
        # One message is one answer, whole or not at all; the end of the process is an empty one.
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._child = _start(theirs.fileno(), memory_bytes)
        except OSError as e:
            self._socket.close()
            raise Busy(f"a decoder could not be started: {e.strerror}") from e
        try:
            self._socket.settimeout(START_S)
            self._receive()
        except BaseException as e:
            self.kill()
            if isinstance(e, OSError | EOFError):
                raise Busy("a decoder could not be started; try again in a moment") from e
            raise

    @property
    def is_worn(self) -> bool:
        return self._count >= RECYCLE_AFTER

    def takes(self, content_type: str) -> bool:
        """Return whether it is alive, and can decode this type after what it has decoded so far."""
        return self._child.poll() is None and not (
            content_type in _RIVALS and self._rival not in ("", _RIVALS[content_type])
        )

    def ask(self, task: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Hand over a task with its open files, and return the answer; after an error it has to be ended."""
        self._count += 1
        self._rival = _RIVALS.get(task["content_type"], self._rival)
        self._socket.settimeout(task["timeout_s"])
        try:
            socket.send_fds(self._socket, [json.dumps(task).encode()], descriptors)
            return self._receive()
        except TimeoutError as e:
            raise TooComplex(f"the image takes more than {task['timeout_s']:g} seconds to decode") from e
        except (OSError, EOFError, ValueError) as e:
            raise BadImage("the image broke its decoder, or needs too much memory") from e

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._socket.close()
        self._child.kill()
        self._child.wait()

    def _receive(self) -> dict[str, Any]:
        """Return the next answer. Raises EOFError if the process is gone, ValueError if it answers nonsense."""
        message = self._socket.recv(_MESSAGE_BYTES)
        if not message:
            raise EOFError("the decoder is gone")
        answer: dict[str, Any] = json.loads(message)
        return answer


def _start(descriptor: int, memory_bytes: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "app.decoder", str(descriptor), str(memory_bytes)],
        pass_fds=[descriptor],
        # Nothing of this server's environment is handed on: a decoder that is taken over finds no secret.
        env={
            "MALLOC_ARENA_MAX": "2",
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def _descriptor(file: BinaryIO) -> Iterator[int]:
    """Open the file once more, only to be read and with a place of its own; what is in memory goes to the disk first.

    The decoder would otherwise move the place at which the server reads on, and could write.
    """
    with TemporaryFile() as copy:
        if rollover := getattr(file, "rollover", None):  # a SpooledTemporaryFile
            rollover()
        try:
            file.flush()
            number = file.fileno()
        except OSError:  # io.UnsupportedOperation: a BytesIO
            file.seek(0)
            while data := file.read(COPY_BYTES):
                copy.write(data)
            copy.flush()
            number = copy.fileno()
        again = os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield again
        finally:
            os.close(again)
