"""Bowerbird, a personal image host: `create_app` is the factory."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from .settings import Settings
    from .store.base import ObjectStore


def create_app(
    settings: Settings | None = None, *, store: ObjectStore | None = None, counted_in: Path | None = None
) -> Flask:
    """Return the WSGI application over a catalog that is up to date.

    `settings` are those of the environment when left out, `store` the one they name; `counted_in` is the folder of the
    counts that several processes share (see app/metrics/slots.py). Raises SettingsError.
    """
    from . import settings as configuration  # noqa: PLC0415 the package itself imports nothing
    from .web.factory import build  # noqa: PLC0415

    return build(settings or configuration.load(), store, counted_in)
