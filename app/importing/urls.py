"""A text file with addresses as a source, one a line."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import BadRequest
from ..fetching import Fetcher
from .incoming import Incoming, Source, short_id


def read_urls(path: Path, fetcher: Fetcher) -> Source:
    """Return what is at the addresses of a list; empty lines and those that begin with # are no addresses.

    The date of an image is what the server calls its last change. Raises BadRequest if the list cannot be read.
    """
    try:
        path.open("rb").close()
    except OSError as e:
        raise BadRequest(f"{path} cannot be read: {e.strerror}") from e
    return Source("urls", _lines(path, fetcher))


def _lines(path: Path, fetcher: Fetcher) -> Iterator[Incoming]:
    seen: set[str] = set()
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            url = line.strip()
            if url and not url.startswith("#") and url not in seen:
                seen.add(url)
                yield _one(url, fetcher)


def _one(url: str, fetcher: Fetcher) -> Incoming:
    try:
        name = unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError:
        name = ""
    return Incoming(short_id(url), url, lambda into: fetcher.fetch(url, into), name=name or None)
