"""What the commands are made of: a catalog that is up to date, and the use cases over it."""

import atexit

from ..catalog import Catalog
from ..decoding import DecoderPool
from ..edge.purge import open_purge
from ..inventory import Inventory
from ..meter import Meter
from ..settings import Settings
from ..store import open_store
from ..upkeep import Upkeep
from ..uploads import Uploads
from ..writers import Writers


def open_catalog(settings: Settings) -> Catalog:
    """Return the catalog, its tables up to date; raise SettingsError if the data folder cannot be used."""
    settings.make_data_dir()
    catalog = Catalog(settings.database_url.get_secret_value())
    catalog.upgrade()
    return catalog


def open_jobs(settings: Settings, catalog: Catalog) -> tuple[Upkeep, Inventory]:
    """Return the repeated jobs over `catalog` and the store that the settings name."""
    meter = Meter(catalog)
    atexit.register(meter.write)
    store = open_store(settings, count=meter.count)
    writers = Writers(settings.data_dir)
    decoders = DecoderPool(1)
    uploads = Uploads(settings, catalog, store, decoders, writers, purge=open_purge(settings))
    return Upkeep(uploads, catalog, store, writers), Inventory(settings, catalog, store, decoders, uploads)
