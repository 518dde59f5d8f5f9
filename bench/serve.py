"""`python -m bench.serve BIND WORKERS APP`: Bowerbird's own gunicorn with the app, the limit or the plain way in it."""

import importlib
import sys
from typing import Any

from app.master import Server

APPS = {"limit": "bench.limit:application", "plain": "bench.plain:app"}


class BenchServer(Server):
    """The server, with another app where `name` is one of APPS."""

    def __init__(self, bind: str, workers: int, name: str) -> None:
        self._name = name
        super().__init__(bind, workers, with_upkeep=False)

    def load(self) -> Any:
        if self._name not in APPS:
            return super().load()
        module, _, variable = APPS[self._name].partition(":")
        return getattr(importlib.import_module(module), variable)


if __name__ == "__main__":
    BenchServer(sys.argv[1], int(sys.argv[2]), sys.argv[3]).run()
