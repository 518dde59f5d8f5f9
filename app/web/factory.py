"""Puts the app together: the parts, the views, and what stands around them."""

import os

from flask import Flask

from .. import __version__, logs, resources
from ..amounts import show_size
from ..catalog import Catalog
from ..decoding import DecoderPool
from ..edge.purge import open_purge
from ..inventory import Inventory
from ..meter import Meter
from ..replacing import Replacing
from ..resumable import Resumable
from ..settings import Settings
from ..store import open_store
from ..store.base import ObjectStore
from ..store.folder import FolderStore
from ..undrawn import Undrawn
from ..uploads import Uploads
from ..writers import Writers
from . import Parts, errors, headers
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
from .tus import tus

FORM_BYTES = 64 * 1024  # every route but the upload; a form-encoded body may cost eighty times its size in memory


def build(settings: Settings, store: ObjectStore | None) -> Flask:
    """Return the app over `settings`; `store` replaces the one they name."""
    logs.configure()
    app = Flask("app", template_folder=str(resources.folder("templates")))
    app.config.update(MAX_CONTENT_LENGTH=FORM_BYTES, MAX_FORM_MEMORY_SIZE=FORM_BYTES, MAX_FORM_PARTS=20)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(version=__version__, show_size=show_size)

    catalog = Catalog(settings.database_url.get_secret_value())
    catalog.upgrade()
    writers = Writers(settings.data_dir)
    meter = Meter(catalog)
    store = store or open_store(settings, count=meter.count, writer=writers.me())
    decoders = DecoderPool(max(1, (os.cpu_count() or 1) // settings.web_workers))
    undrawn = None if isinstance(store, FolderStore) else Undrawn(settings.data_dir)
    uploads = Uploads(settings, catalog, store, decoders, writers, purge=open_purge(settings), undrawn=undrawn)
    inventory = Inventory(settings, catalog, store, decoders, uploads)
    app.extensions["bowerbird"] = Parts(
        settings,
        settings.signing_secret(),
        catalog,
        store,
        uploads,
        Replacing(settings, catalog, store, decoders, uploads, undrawn),
        Resumable(settings, catalog, uploads),
        inventory,
        open_fetcher(),
        RateLimits(settings),
        decoders,
        writers,
        meter,
    )

    errors.install(app)
    headers.install(app, settings)
    programs = (api, tus, library, statistics_api, health, hooks, metrics_page, imported)
    people = (pages, installable, shared, preview, docs, gallery, picked, albums, statistics, clients_page)
    for blueprint in (*programs, *people, settings_page):
        app.register_blueprint(blueprint)
    if isinstance(store, FolderStore):
        app.register_blueprint(objects)
    app.wsgi_app = Proxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    app.wsgi_app = Drain(app.wsgi_app, settings.drain_bytes)  # type: ignore[method-assign,assignment]
    return app
