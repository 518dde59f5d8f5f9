"""The only floor that speaks HTTP. `Parts` is what the factory hands to it; `parts()` finds it in a request."""

from dataclasses import dataclass
from typing import cast

from flask import current_app

from ..catalog import Catalog
from ..decoding import DecoderPool
from ..fetching import Fetcher
from ..inventory import Inventory
from ..meter import Meter
from ..metrics.counts import Counts
from ..readiness import Readiness
from ..replacing import Replacing
from ..resumable import Resumable
from ..settings import Settings
from ..store.base import ObjectStore
from ..uploads import Uploads
from ..writers import Writers
from .limits import RateLimits


@dataclass(frozen=True)
class Parts:
    """What the views are made of."""

    settings: Settings
    secret: str
    catalog: Catalog
    store: ObjectStore
    uploads: Uploads
    replacing: Replacing
    resumable: Resumable
    inventory: Inventory
    fetcher: Fetcher
    limits: RateLimits
    decoders: DecoderPool
    writers: Writers
    meter: Meter
    counts: Counts
    readiness: Readiness

    def close(self) -> None:
        """End what runs or is open on behalf of the app."""
        self.writers.leave()
        self.decoders.close()
        self.meter.write()
        self.catalog.close()


def parts() -> Parts:
    """Return the parts of the app that answers this request."""
    return cast(Parts, current_app.extensions["bowerbird"])
