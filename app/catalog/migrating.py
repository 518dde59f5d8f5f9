"""Bringing the tables to a revision with Alembic, which takes long to import and is needed at few starts only."""

from collections.abc import Sequence

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from ..errors import SettingsError
from ..settings import PREFIX
from .revisions import MIGRATIONS, applied_revision, known_revisions


def upgrade(connection: Connection, revision: str) -> None:
    """Bring the tables up to `revision`; raise SettingsError if they are of one that nobody here knows."""
    try:
        command.upgrade(_config(connection), revision)
    except CommandError as e:
        newer = f"a newer version of Bowerbird made these tables (revision {applied_revision(connection)})"
        way = f"use that one, or let it do: bowerbird db downgrade {known_revisions()[0]}"
        raise SettingsError([f"{PREFIX}DATABASE_URL: {newer}; {way}"]) from e


def downgrade(connection: Connection, revision: str) -> None:
    """Make the tables those of an earlier `revision`."""
    command.downgrade(_config(connection), revision)


def losses(connection: Connection, revisions: Sequence[str]) -> list[str]:
    """Return what would be lost if these revisions were taken back, each in words."""
    scripts = ScriptDirectory.from_config(_config(connection))
    modules = [scripts.get_revision(one).module for one in revisions]
    return [one for module in modules if hasattr(module, "losses") for one in module.losses(connection)]


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
