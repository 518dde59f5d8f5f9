"""`python -m bench.serve BIND WORKERS NAME`: Bowerbird's own gunicorn with another app in it, one of APPS."""

import importlib
import sys
from typing import Any

from app.master import Server

APPS = {
    "limit-s3": "bench.limit:put",
    "limit-folder": "bench.limit:write",
    "limit-read": "bench.limit:read",
    "bare": "bench.bare:app",
    "plain": "bench.plain:app",
}


class BenchServer(Server):
    """The server with the app of that name."""

    def __init__(self, bind: str, workers: int, name: str) -> None:
        self._name = name
        self.shared = APPS[name].partition(":")[0]
        super().__init__(bind, workers, with_upkeep=False)

    def load(self) -> Any:
        module, _, variable = APPS[self._name].partition(":")
        return getattr(importlib.import_module(module), variable)


if __name__ == "__main__":
    BenchServer(sys.argv[1], int(sys.argv[2]), sys.argv[3]).run()
