"""The judge after every fault: what was acknowledged is read, catalog and bucket are held against each other."""

import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from app.catalog import Catalog
from app.catalog.records import State, Upload
from app.keys import THUMBNAILS, thumbnail_key
from app.undrawn import KEEP_S, SWEEP_S
from tests.b2 import B2

from .sender import Acknowledged, sha256

_LOOKED_AT_S = 10
_READERS = 8
_SETTLED = (State.LIVE, State.DELETED)


@dataclass(frozen=True)
class Verdict:
    """What the judge found; each list names keys or files, and is empty where all is well.

    `lost`: acknowledged, but not there, or with other bytes. `half`: rows that are neither uploads nor gone. `orphans`:
    objects that belong to no upload. `dangling`: uploads without an object. `repeated`: objects of several versions.
    `twice`: bytes that one client sent, under more than one address. `left`: files of requests that are over.
    """

    lost: list[str]
    half: list[str]
    orphans: list[str]
    dangling: list[str]
    repeated: list[str]
    twice: list[str]
    left: list[str]
    live: int

    @property
    def faults(self) -> dict[str, list[str]]:
        """Return what is wrong; nothing where all is well."""
        names = ("lost", "half", "orphans", "dangling", "repeated", "twice", "left")
        return {name: found for name in names if (found := getattr(self, name))}


def read_address(one: Acknowledged) -> bytes | None:
    """Return what is at the address that a client was told; None if nothing is."""
    try:
        with urllib.request.urlopen(one.url, timeout=60) as answer:
            found: bytes = answer.read()
            return found
    except urllib.error.URLError:
        return None


def judge(
    acknowledged: Iterable[Acknowledged],
    catalog: Catalog,
    bucket: Mapping[str, int],
    data_dir: Path,
    read: Callable[[Acknowledged], bytes | None] = read_address,
) -> Verdict:
    """Return the verdict over one server, when upkeep and comparison have settled all they can. `bucket` has the key of
    each object and how many versions of it there are."""
    rows = list(_rows(catalog))
    live = {row.key: row for row in rows if row.state is State.LIVE}
    expected = live.keys() | {thumbnail_key(key) for key in live}
    digests = Counter(row.sha256 for row in live.values())
    told = list({one.key: one for one in acknowledged}.values())
    with ThreadPoolExecutor(_READERS) as pool:
        bodies = pool.map(read, told)
        are_there = [body is not None and sha256(body) == one.sha256 for one, body in zip(told, bodies, strict=True)]
    lost = [one.key for one, is_there in zip(told, are_there, strict=True) if not is_there or one.key not in live]
    return Verdict(
        lost=lost,
        half=[f"{row.key} {row.state.value}" for row in rows if row.state not in _SETTLED],
        orphans=sorted(bucket.keys() - expected),
        dangling=sorted(live.keys() - bucket.keys()),
        repeated=[key for key, count in bucket.items() if count > 1],
        twice=[digest for digest, count in digests.items() if count > 1],
        left=_lasting(lambda: _left(data_dir, live)),
        live=len(live),
    )


def in_folder(data_dir: Path) -> dict[str, int]:
    """Return the objects of the embedded store."""
    objects = data_dir / "objects"
    images = {path.name: 1 for path in objects.glob("??/*.*")}
    return images | {f"{THUMBNAILS}{path.name}": 1 for path in (objects / THUMBNAILS).glob("??/*.*")}


def in_b2(b2: B2) -> dict[str, int]:
    """Return the objects of a bucket, hide markers counted as versions."""
    return dict(Counter(key for key, *_ in b2.versions()))


def _rows(catalog: Catalog) -> Iterable[Upload]:
    after = ""
    while batch := catalog.changes.listing(limit=1000, after=after):
        after = batch[-1].key
        yield from batch


def _lasting(look: Callable[[], Iterable[str]]) -> list[str]:
    """Return what is found at each look for a while: a worker may just be storing a thumbnail."""
    found, ends_at = set(look()), time.monotonic() + _LOOKED_AT_S
    while found and time.monotonic() < ends_at:
        time.sleep(0.1)
        found &= set(look())
    return sorted(found)


def _left(data_dir: Path, live: Mapping[str, Upload]) -> list[str]:
    """Return the files that no request and no upload needs any more."""
    spool, tmp = data_dir / "spool", data_dir / "objects" / "tmp"
    found = [*spool.glob("*.*"), *spool.glob("tmp*"), *(tmp.iterdir() if tmp.is_dir() else [])]
    waiting, oldest = spool / "undrawn", time.time() - KEEP_S - SWEEP_S
    copies = [path for path in waiting.iterdir() if path.name not in live] if waiting.is_dir() else []
    found += [path for path in copies if path.stat().st_mtime < oldest]
    return [str(path.relative_to(data_dir)) for path in found]
