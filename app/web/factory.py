"""Puts the app together: the parts, the views, and what stands around them."""

import os
from pathlib import Path

from flask import Flask

from .. import __version__, logs, resources
from ..amounts import show_size
from ..catalog import Catalog
from ..decoding import DecoderPool
from ..edge.purge import open_purge
from ..inventory import Inventory
from ..meter import Meter
from ..metrics.counts import Counts
from ..readiness import Readiness
from ..replacing import Replacing
from ..resumable import Resumable
from ..settings import Settings
from ..store import open_store
from ..store.base import ObjectStore
from ..store.folder import FolderStore
from ..undrawn import Undrawn
from ..uploads import Uploads
from ..watched import watched
from ..writers import Writers
from . import Parts, errors, headers, trail
from .albums import albums, shared
from .api import api
from .by_url import open_fetcher
from .clients_page import clients_page, imported
from .docs import docs
from .drain import Drain
from .gallery import gallery
from .health import health
from .hooks import hooks
from .installable import installable
from .library import library
from .limits import RateLimits
from .metrics import metrics_page
from .objects import objects
from .pages import pages
from .picked import picked
from .preview import preview
from .proxies import Proxies
from .settings_page import settings_page
from .statistics import statistics, statistics_api
from .trail import Trail
from .tus import tus

FORM_BYTES = 64 * 1024  # every route but the upload; a form-encoded body may cost eighty times its size in memory


def build(settings: Settings, store: ObjectStore | None, counted_in: Path | None = None) -> Flask:
    """Return the app over `settings`; `store` replaces the one they name, `counted_in` is what its processes share."""
    logs.configure(settings.log_format)
    app = Flask("app", template_folder=str(resources.folder("templates")))
    app.config.update(MAX_CONTENT_LENGTH=FORM_BYTES, MAX_FORM_MEMORY_SIZE=FORM_BYTES, MAX_FORM_PARTS=20)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(version=__version__, show_size=show_size)

    counts = Counts(counted_in)
    catalog = Catalog(settings.database_url.get_secret_value(), counts.connected)
    catalog.upgrade()
    writers = Writers(settings.data_dir, catalog.presence)
    meter = Meter(catalog)
    store = store or open_store(settings, count=meter.count, writer=writers.me())
    decoders = DecoderPool(size := max(1, (os.cpu_count() or 1) // settings.web_workers), watch=counts.decoding)
    counts.may_decode(size)
    asked = watched(store, counts.store_call)
    undrawn = None if isinstance(store, FolderStore) else Undrawn(settings.data_dir)
    uploads = Uploads(settings, catalog, asked, decoders, writers, purge=open_purge(settings), undrawn=undrawn)
    app.extensions["bowerbird"] = Parts(
        settings,
        settings.signing_secret(),
        catalog,
        store,
        uploads,
        Replacing(settings, catalog, asked, decoders, uploads, undrawn),
        Resumable(settings, catalog, uploads),
        Inventory(settings, catalog, asked, decoders, uploads),
        open_fetcher(),
        RateLimits(settings, counts.limited),
        decoders,
        writers,
        meter,
        counts,
        Readiness(settings, catalog, store),
    )

    trail.install(app)
    errors.install(app)
    headers.install(app, settings)
    programs = (api, tus, library, statistics_api, health, hooks, metrics_page, imported)
    people = (pages, installable, shared, preview, docs, gallery, picked, albums, statistics, clients_page)
    for blueprint in (*programs, *people, settings_page):
        app.register_blueprint(blueprint)
    if isinstance(store, FolderStore):
        app.register_blueprint(objects)
    _surround(app, settings, counts)
    return app


def _surround(app: Flask, settings: Settings, counts: Counts) -> None:
    """Put what every request passes around the app, the innermost first."""
    inner = Drain(Proxies(app.wsgi_app, settings.trusted_proxies), settings.drain_bytes)
    app.wsgi_app = Trail(inner, counts, settings.trusted_proxies)  # type: ignore[method-assign]
