"""A command in the list of commands: its module is imported when it is called, and not before."""

import gc
from importlib import import_module
from typing import Any

import click

from .. import logs
from ..errors import SettingsError

_PACKAGE = __package__.split(".", maxsplit=1)[0]


class Lazy(click.Command):
    """The command `where` (`module:name` in this package), told in one `line`; the server's if it `needs_server`."""

    def __init__(self, name: str, where: str, line: str, *, needs_server: bool = True) -> None:
        super().__init__(name, short_help=line)
        self._module, _, self._attribute = where.partition(":")
        self._needs_server = needs_server

    def load(self) -> click.Command:
        """Return the command itself; raise SettingsError where the libraries it needs are not installed."""
        gc.disable()  # nothing of a module is garbage; to look for it takes a fifth of the time
        try:
            module = import_module(f".{self._module}", __package__)
        except ModuleNotFoundError as e:
            if not self._needs_server or (e.name or _PACKAGE).split(".")[0] == _PACKAGE:
                raise
            raise SettingsError([f"{self.name} needs the server's parts: pip install 'bowerbird[server]'"]) from e
        finally:
            gc.enable()
        command: click.Command = getattr(module, self._attribute)
        return command

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> click.Context:
        command = self.load()
        if self._needs_server:
            logs.configure()
        return command.make_context(info_name, args, *rest, **extra)
