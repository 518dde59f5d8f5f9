"""The real server over a store that refuses GIFs for now and breaks at WebPs: every refusal there is, from one host.

Run as `python -m tests.sharex.refusing BIND`, with the settings in the environment.
"""

import sys
from typing import Any

from app.master import Server


class Refusing(Server):
    """gunicorn as `bowerbird serve` runs it, over that store."""

    def load(self) -> Any:
        from app import create_app, settings
        from app.errors import StoreUnavailable
        from app.store.folder import FolderStore

        class Store(FolderStore):
            def put(self, key: str, body: Any, *, content_type: str, **more: Any) -> str | None:
                if content_type == "image/gif":
                    raise StoreUnavailable("the bucket does not answer; try again in a minute")
                if content_type == "image/webp":
                    raise RuntimeError("/srv/secret/path: bb_secret-of-the-store")
                return super().put(key, body, content_type=content_type, **more)

        chosen = settings.load()
        return create_app(chosen, store=Store(chosen.data_dir / "objects"))


if __name__ == "__main__":
    Refusing(sys.argv[1], 1, with_upkeep=False).run()
