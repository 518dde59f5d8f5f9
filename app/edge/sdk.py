"""The libraries of the two clouds, which only `bowerbird setup` needs: loaded when it runs, named when missing."""

from importlib import import_module
from types import ModuleType

from ..errors import SettingsError


def load(name: str) -> ModuleType:
    """Return the module `name`; raise SettingsError that says how to install it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as e:
        raise SettingsError(
            ["set-up talks to B2 and Cloudflare by their own libraries: pip install 'bowerbird[server,setup]'"]
        ) from e
