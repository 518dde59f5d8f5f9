"""One visit of the doctor: every check in its order, and nothing left behind, however it ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..catalog import Catalog
from ..edge.purge import Purge, open_purge
from ..errors import BowerbirdError, Unavailable
from ..keys import new_probe
from ..settings import Settings
from ..store import open_raw_bucket
from .cache import PublicCache
from .embedded import Embedded
from .endpoint import Endpoint
from .findings import Check, Finding, run
from .image import PublicImage
from .local import Local
from .picture import make_picture
from .public import PublicHost
from .specimens import Specimens
from .web import Web
from .webhook import App, Webhook


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something that takes effect elsewhere may take, in seconds."""

    worker_s: float = 4.0
    webhook_s: float = 8.0
    purge_s: float = 10.0


def examine(
    settings: Settings,
    *,
    web: Web | None = None,
    only_public: bool = False,
    patience: Patience | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Finding]:
    """Make the checks and yield each finding as it is made; `only_public` leaves out what concerns this machine.
    `clock` tells the time of day of this machine, in seconds since 1970.

    Whoever stops in the middle closes the iterator: what was put into the bucket is removed then too.
    Raises SettingsError if the settings name no database.
    """
    web, patience = web or Web(), patience or Patience()
    catalog = Catalog(settings.database_url.get_secret_value())
    local = Local(settings, catalog, patience_s=patience.worker_s, clock=clock)
    before = [] if only_public else [*local.checks(), *App(settings, web).checks()]
    try:
        if settings.store == "s3":
            yield from _cloud(settings, catalog, web, before, patience, clock)
        else:
            yield from _embedded(settings, web, before or App(settings, web).checks())
    finally:
        catalog.close()


def _embedded(settings: Settings, web: Web, before: list[Check]) -> Iterator[Finding]:
    embedded = Embedded(settings, web)
    try:
        yield from run([*before, *embedded.checks()])
    finally:
        _to_the_end(embedded.clean)


def _to_the_end(work: Callable[[], Any]) -> Any:
    """Return what `work` returns. If it is broken off it begins again, and only then is the interruption raised."""
    try:
        return work()
    except KeyboardInterrupt:
        work()
        raise


def _cloud(
    settings: Settings, catalog: Catalog, web: Web, before: list[Check], patience: Patience, clock: Callable[[], float]
) -> Iterator[Finding]:
    bucket, purge = open_raw_bucket(settings), open_purge(settings)
    specimens, key, data = Specimens(bucket), new_probe(), make_picture()
    endpoint = Endpoint(settings, web, bucket, specimens, (key, data), clock=clock)
    image = PublicImage(web, f"{settings.public_url}/{key}", data, ("public proxy", "bucket PUT"))
    cache = PublicCache(settings, web, specimens, key, purge=purge, patience_s=patience.purge_s)
    webhook = Webhook(
        settings, catalog, web, key, is_behind_proxy=lambda: endpoint.is_behind_proxy, patience_s=patience.webhook_s
    )
    checks = [*before, *endpoint.checks(), *PublicHost(settings, web).checks(), *image.checks(), *cache.checks()]
    checks += [*(webhook.checks() if before else []), *cache.last()]
    try:
        yield from run(checks)
    finally:
        left = _to_the_end(lambda: _clean(specimens, purge, catalog))
        bucket.close()
    yield from left


def _clean(specimens: Specimens, purge: Purge | None, catalog: Catalog) -> list[Finding]:
    """Remove what the visit left in the bucket, at the edge and in the catalog; return what could not be."""
    put = specimens.put_keys
    hidden, left = specimens.clean()
    if purge and specimens.shown:
        with suppress(Unavailable):
            purge.forget(specimens.shown)
    with suppress(BowerbirdError):
        for key in put if catalog.exists() else []:
            catalog.changes.unhear(key)
    found = []
    if hidden:
        advice = (
            "the key lacks deleteFiles or listFiles, or B2 did not answer; the bucket's lifecycle rule removes what is"
            " hidden after a day"
        )
        found.append(Finding("clean-up", f"{', '.join(hidden)} could only be hidden", advice, "warn"))
    if left:
        advice = "the worker removes it within a day, if its key may; else remove it by hand"
        found.append(Finding("clean-up", f"{', '.join(left)} is still in the bucket", advice, "fail"))
    return found
