"""What the commands are made of: a catalog that is up to date, and the use cases over it."""

import atexit
from dataclasses import dataclass

from ..backups import Backups
from ..catalog import Catalog
from ..decoding import DecoderPool
from ..edge.purge import open_purge
from ..inventory import Inventory
from ..meter import Meter
from ..settings import Settings
from ..store import open_store
from ..store.base import ObjectStore
from ..thumbnails import Thumbnails
from ..undrawn import Undrawn
from ..upkeep import Upkeep
from ..uploads import Uploads
from ..writers import Writers


def open_catalog(settings: Settings) -> Catalog:
    """Return the catalog, its tables up to date; raise SettingsError if the data folder cannot be used."""
    settings.make_data_dir()
    catalog = Catalog(settings.database_url.get_secret_value())
    catalog.upgrade()
    return catalog


@dataclass(frozen=True, slots=True)
class Jobs:
    """The use cases that a worker repeats, and the uploads they are about."""

    uploads: Uploads
    upkeep: Upkeep
    inventory: Inventory
    thumbnails: Thumbnails
    backups: Backups


def open_counted_store(settings: Settings, catalog: Catalog) -> ObjectStore:
    """Return the store that the settings name; what it is asked for is counted in `catalog`."""
    meter = Meter(catalog)
    atexit.register(meter.write)
    return open_store(settings, count=meter.count)


def open_jobs(settings: Settings, catalog: Catalog, *, decoders: int = 1) -> Jobs:
    """Return the repeated jobs over `catalog` and the store that the settings name; they may use so many decoders."""
    store = open_counted_store(settings, catalog)
    writers = Writers(settings.data_dir)
    pool = DecoderPool(decoders)
    undrawn = Undrawn(settings.data_dir)
    uploads = Uploads(settings, catalog, store, pool, writers, purge=open_purge(settings), undrawn=undrawn)
    return Jobs(
        uploads,
        Upkeep(uploads, catalog, store, writers),
        Inventory(settings, catalog, store, pool, uploads, None if settings.store == "folder" else undrawn),
        Thumbnails(settings, catalog, store, pool, uploads, undrawn),
        Backups(settings, catalog, store),
    )
