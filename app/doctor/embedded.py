"""The embedded store: a picture put into the folder for a moment, and the app that serves it."""

import io
from contextlib import suppress

from ..errors import BowerbirdError
from ..keys import new_probe
from ..settings import PREFIX, Settings
from ..store.folder import FolderStore
from .findings import Check, Trouble
from .image import PublicImage
from .picture import CONTENT_TYPE, make_picture
from .public import view
from .web import Web


class Embedded:
    """The checks of one machine that is all there is. The picture is in no row of the catalog, so nobody lists it."""

    def __init__(self, settings: Settings, web: Web) -> None:
        self._web = web
        self._store = FolderStore(settings.data_dir / "objects", "doctor")
        self._data, self._key = make_picture(), new_probe()
        self._url = f"{settings.public_url}/{self._key}"

    def checks(self) -> list[Check]:
        """Return them in their order."""
        image = PublicImage(self._web, self._url, self._data, ("app", "folder"))
        return [
            Check("public errors", self._missing, ("app",)),
            Check("folder", self._put, ("data folder",)),
            *image.checks(),
            Check("deletion", self._delete, ("public image",)),
        ]

    def clean(self) -> None:
        """Remove what is left of the picture."""
        with suppress(BowerbirdError):
            self._store.delete(self._key)

    def _missing(self) -> str:
        answer = view(self._web, self._url)
        if answer.status != 404 or "no-store" not in answer.headers.get("cache-control", ""):
            seen = f"{answer.status}, Cache-Control {answer.headers.get('cache-control', 'none')[:40]}"
            raise Trouble(seen, f"something else answers, or changes answers: is {PREFIX}PUBLIC_URL right?")
        return "a name that is not there is a 404, which nobody keeps"

    def _put(self) -> str:
        self._store.put(self._key, io.BytesIO(self._data), content_type=CONTENT_TYPE)
        return f"{self._key} was stored ({len(self._data):,} bytes)"

    def _delete(self) -> str:
        self._store.delete(self._key)
        answer = view(self._web, self._url)
        if answer.status == 200:
            seen = "the address still shows what was deleted"
            advice = "a cache stands before the app: let it respect Cache-Control, or purge what is deleted"
            raise Trouble(seen, advice, level="warn")
        return f"the address is a {answer.status} at once"
