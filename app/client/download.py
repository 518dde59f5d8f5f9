"""An image at an address, fetched by this machine, from its own network too."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import Refused, TooLarge
from ..fetching import Fetcher
from .sources import Source

MAX_BYTES = 1024**3


class _FileSink:
    """A file that takes a download, and no more than `max_bytes` of it."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._file, self._left, self._max_bytes = path.open("wb"), max_bytes, max_bytes

    def write(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise TooLarge(f"it has more than {self._max_bytes:,} bytes; no more are fetched")
        try:
            self._file.write(chunk)
        except OSError as e:
            raise Refused(f"the disk does not take it: {e.strerror}") from e

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._left = self._max_bytes

    def close(self) -> None:
        self._file.close()


def from_url(url: str, sleep: Callable[[float], object], *, max_bytes: int = MAX_BYTES) -> Source:
    """Return what is at `url` as a source; it is fetched when its turn comes, with `sleep` between the tries."""

    def load(path: Path) -> None:
        sink = _FileSink(path, max_bytes)
        try:
            Fetcher(allow_private=True, sleep=sleep).fetch(url, sink)
        finally:
            sink.close()

    return Source(url, _last_part(url) or "download", load=load)


def _last_part(url: str) -> str:
    with suppress(ValueError):  # it is refused when its turn comes
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    return ""
