"""A pool of decoder processes, bounded in memory and time: no pixel is ever decoded in the server itself."""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from .containers.base import COPY_BYTES
from .errors import BadImage, Busy, TooComplex

MEMORY_BYTES = 1 << 30  # a progressive JPEG of 50 megapixels needs half of it
VERIFY_S, CONVERT_S = 5.0, 15.0
START_S = 10.0
WAIT_S = 10.0
RECYCLE_AFTER = 200  # images; so no leak of a decoding library grows for ever


class DecoderPool:
    """Up to `size` decoders, each one started when it is first needed. Threads and greenlets may share the pool.

    Every call raises BadImage if the image is broken or its decoder died of it, TooComplex if it took too long, and
    Busy if no decoder was free within ten seconds.
    """

    def __init__(
        self,
        size: int | None = None,
        *,
        memory_bytes: int = MEMORY_BYTES,
        verify_s: float = VERIFY_S,
        convert_s: float = CONVERT_S,
    ) -> None:
        self._memory_bytes = memory_bytes
        self._verify_s, self._convert_s = verify_s, convert_s
        self._free: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        for _ in range(size or os.cpu_count() or 1):
            self._free.put(None)
        self._lock = threading.Lock()
        self._closed = False

    def verify(self, file: BinaryIO, content_type: str) -> None:
        """Decode every frame of the image, and return if all of it is there."""
        self._ask({"task": "verify", "content_type": content_type}, [file], self._verify_s)

    def convert(self, source: BinaryIO, target: BinaryIO, content_type: str, converts_to: str) -> tuple[int, int]:
        """Write the image in `source` to `target` as `converts_to`, upright, with its colour profile and no metadata.

        Returns the width and height of what was written. Of several pages the first is taken.
        """
        with TemporaryFile() as result:
            ask = {"task": "convert", "content_type": content_type, "converts_to": converts_to}
            answer = self._ask(ask, [source, result], self._convert_s)
            result.seek(0)
            while data := result.read(COPY_BYTES):
                target.write(data)
        return answer["width"], answer["height"]

    def close(self) -> None:
        """End every decoder that is idle; those at work end with their work."""
        self._closed = True
        with suppress(queue.Empty):
            while True:
                if decoder := self._free.get_nowait():
                    decoder.kill()

    def _ask(self, task: dict[str, Any], files: list[BinaryIO], timeout_s: float) -> dict[str, Any]:
        try:
            decoder = self._free.get(timeout=WAIT_S)
        except queue.Empty as e:
            raise Busy("all decoders are at work; try again in a moment") from e
        try:
            if decoder is None:
                decoder = _Decoder(self._memory_bytes)
            answer = decoder.ask(task, files, timeout_s)
        except BaseException:
            if decoder is not None:
                decoder.kill()
            decoder = None
            raise
        finally:
            if decoder is not None and (decoder.is_worn or self._closed):
                decoder.kill()
                decoder = None
            self._free.put(decoder)
        if problem := answer.get("problem"):
            raise BadImage(f"the image cannot be decoded: {problem}")
        return answer


class _Decoder:
    """One process (app/decoder.py) and the socket to it."""

    def __init__(self, memory_bytes: int) -> None:
        self.count = 0
        self.is_worn = False
        ours, theirs = socket.socketpair()
        # Nothing of this server's environment is handed on: a decoder that is taken over finds no secret.
        environment = {
            "MALLOC_ARENA_MAX": "2",
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "app.decoder", str(theirs.fileno()), str(memory_bytes)],
                pass_fds=[theirs.fileno()],
                env=environment,
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._socket = ours
        self._socket.settimeout(START_S)
        if self._receive() is None:
            self.kill()
            raise Busy("a decoder could not be started")

    def ask(self, task: dict[str, Any], files: list[BinaryIO], timeout_s: float) -> dict[str, Any]:
        """Hand over a task with its open files, and return the answer."""
        self.count += 1
        with _OnDisk(files) as descriptors:
            self._socket.settimeout(timeout_s)
            try:
                socket.send_fds(self._socket, [json.dumps(task).encode()], descriptors)
                answer = self._receive()
            except TimeoutError as e:
                raise TooComplex(f"the image takes more than {timeout_s:g} seconds to decode") from e
            except OSError as e:
                raise BadImage("the image broke its decoder") from e
        if answer is None:
            raise BadImage("the image broke its decoder, or needs too much memory")
        self.is_worn = self.count >= RECYCLE_AFTER or bool(answer.get("is_last"))
        return answer

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._socket.close()
        self._child.kill()
        self._child.wait()

    def _receive(self) -> dict[str, Any] | None:
        """Return the next answer (a line of JSON), or None if the process is gone."""
        data = b""
        while not data.endswith(b"\n"):
            more = self._socket.recv(4096)
            if not more:
                return None
            data += more
        answer: dict[str, Any] = json.loads(data)
        return answer


class _OnDisk:
    """Descriptors of files, of which those that are in memory are put on the disk first."""

    def __init__(self, files: list[BinaryIO]) -> None:
        self._files = files
        self._copies: list[Any] = []

    def __enter__(self) -> list[int]:
        return [self._descriptor(file) for file in self._files]

    def __exit__(self, *_: object) -> None:
        for copy in self._copies:
            copy.close()

    def _descriptor(self, file: BinaryIO) -> int:
        if rollover := getattr(file, "rollover", None):  # a SpooledTemporaryFile
            rollover()
        try:
            file.flush()
            return file.fileno()
        except OSError:  # io.UnsupportedOperation: a BytesIO
            copy = TemporaryFile()  # noqa: SIM115 closed on exit
            self._copies.append(copy)
            file.seek(0)
            while data := file.read(COPY_BYTES):
                copy.write(data)
            copy.flush()
            return copy.fileno()
