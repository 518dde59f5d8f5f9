"""What the commands are made of: a catalog that is up to date, and the use cases over it."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..backups import Backups
from ..catalog import Catalog
from ..decoding import DecoderPool
from ..edge.purge import open_purge
from ..inventory import Inventory
from ..meter import Meter
from ..resumable import Resumable
from ..settings import Settings
from ..store import open_store
from ..store.base import ObjectStore
from ..thumbnails import Thumbnails
from ..undrawn import Undrawn
from ..upkeep import Upkeep
from ..uploads import Uploads
from ..watched import watched
from ..writers import Writers

if TYPE_CHECKING:
    from ..metrics.counts import Counts


def open_catalog(settings: Settings) -> Catalog:
    """Return the catalog, its tables up to date; raise SettingsError if the data folder cannot be used."""
    settings.make_data_dir()
    catalog = Catalog(settings.database_url.get_secret_value())
    catalog.upgrade()
    return catalog


@dataclass(frozen=True, slots=True)
class Jobs:
    """The use cases that a worker repeats, and what they are about."""

    store: ObjectStore
    uploads: Uploads
    upkeep: Upkeep
    resumable: Resumable
    inventory: Inventory
    thumbnails: Thumbnails
    backups: Backups
    ending: ExitStack

    def close(self) -> None:
        """End what runs or is open for them; the end of the program does so too."""
        self.ending.close()


def open_counted_store(
    settings: Settings, catalog: Catalog, writers: Writers | None = None
) -> tuple[ObjectStore, Meter]:
    """Return the store that the settings name, and what counts in `catalog` how often it is asked for something.

    It writes in the name of this process, so that what a killed one leaves half-written is known for that.
    """
    meter, writers = Meter(catalog), writers or Writers(settings.data_dir, catalog.presence)
    atexit.register(meter.write)
    atexit.register(writers.leave)
    return open_store(settings, count=meter.count, writer=writers.me()), meter


def open_jobs(settings: Settings, catalog: Catalog, *, decoders: int = 1, counts: Counts | None = None) -> Jobs:
    """Return the repeated jobs over `catalog` and the store that the settings name; they may use so many decoders.
    `counts` is told what they ask of both."""
    writers = Writers(settings.data_dir, catalog.presence)
    store, meter = open_counted_store(settings, catalog, writers)
    pool = DecoderPool(decoders, watch=counts.decoding) if counts else DecoderPool(decoders)
    store = watched(store, counts.store_call) if counts else store
    ending = ExitStack()
    for end in (catalog.close, meter.write, pool.close, writers.leave):
        ending.callback(end)
    undrawn = Undrawn(settings.data_dir)
    uploads = Uploads(settings, catalog, store, pool, writers, purge=open_purge(settings), undrawn=undrawn)
    return Jobs(
        store,
        uploads,
        Upkeep(uploads, catalog, store, writers),
        Resumable(settings, catalog, uploads),
        Inventory(settings, catalog, store, pool, uploads, None if settings.store == "folder" else undrawn),
        Thumbnails(settings, catalog, store, pool, uploads, undrawn),
        Backups(settings, catalog, store),
        ending,
    )
