"""Uploads by address: the server fetches what its owner allows it to, in the time that somebody waits for an answer."""

import time
from dataclasses import replace
from pathlib import Path

from ..errors import BadAddress, EmptyFile, FetchFailed, Forbidden, TooLarge
from ..fetching import Fetcher
from ..receiving import Sink, clean_name
from .form import Form

PORTS = (80, 443, 8080, 8443)  # of web servers: this is no way to knock at others
WITHIN_S = 60.0  # for all of a request; Cloudflare waits 100 s for an answer


def open_fetcher() -> Fetcher:
    """Return what fetches for a client: from the Internet alone, and at once or not at all."""
    return Fetcher(ports=PORTS, pauses_s=())


def fetch_all(form: Form, fetcher: Fetcher, *, is_on: bool, max_bytes: int, spool_dir: Path) -> None:
    """Put what is at the addresses of `form` behind its files, of which all together may have `max_bytes`.

    Raises Forbidden where this is switched off; BadAddress, FetchFailed, EmptyFile or TooLarge with the reason, in
    which no address stands: one may hold a secret, and errors are logged.
    """
    if not form.urls:
        return
    if not is_on:
        raise Forbidden("uploads by address are switched off here; BOWERBIRD_UPLOAD_BY_URL switches them on")
    ends_at = time.monotonic() + WITHIN_S
    left = max_bytes - sum(received.size for received in form.files)
    for number, url in enumerate(form.urls, 1):
        sink = Sink(None, spool_dir, left)
        try:
            told = fetcher.fetch(url, sink, within_s=ends_at - time.monotonic())
            received = replace(sink.received(), name=clean_name(told.name))
        except (BadAddress, FetchFailed, EmptyFile, TooLarge) as e:
            sink.close()
            which = "the address" if len(form.urls) == 1 else f"address {number}"
            raise type(e)(f"{which} is not fetched: {e}") from e
        except BaseException:
            sink.close()
            raise
        form.files.append(received)
        left -= received.size
