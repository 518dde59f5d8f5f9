"""What the server stands on here: its settings, its folder, the readers of images, the catalog, Redis, the worker."""

import base64
import io
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from tempfile import TemporaryFile

from limits.errors import StorageError
from limits.storage import storage_from_string
from PIL import Image
from PIL import __version__ as pillow_version

from .. import images
from ..catalog import Catalog
from ..decoding import DecoderPool
from ..errors import BowerbirdError, StoreMisconfigured
from ..heartbeat import Heartbeat
from ..settings import PREFIX, Settings
from .findings import Check, Trouble
from .picture import make_picture

_GIB = 1024**3
_STUCK_S = 15 * 60  # a turn of the worker ends long before that
_REDIS_S = 3
_PAUSE_S = 0.25
_READ_ONLY = "it is read-only: give file and folder to the server's user, or name the primary of PostgreSQL"

# One pixel, coded by libheif: nothing else here could write it.
_HEIC = base64.b64decode("""
AAAAGGZ0eXBoZWljAAAAAG1pZjFoZWljAAABfG1ldGEAAAAAAAAAIWhkbHIAAAAAAAAAAHBpY3QAAAAAAAAAAAAAAAAAAAAAImls
b2MAAAAAREAAAQABAAAAAAGcAAEAAAAAAAAAMAAAACNpaW5mAAAAAAABAAAAFWluZmUCAAAAAAEAAGh2YzEAAAAADnBpdG0AAAAA
AAEAAAD8aXBycAAAANxpcGNvAAAAdWh2Y0MBA3AAAACQAAAAAAAe8AD8/fj4AAAPA2AAAQAYQAEMAf//A3AAAAMAkAAAAwAAAwAe
ugJAYQABAClCAQEDcAAAAwCQAAADAAADAB6gIIEFluqumubgIaDAgAAADIAAAAMAhGIAAQAGRAHBc8GJAAAAE2NvbHJuY2x4AAEA
DQAGgAAAABRpc3BlAAAAAAAAAEAAAABAAAAAKGNsYXAAAAABAAAAAQAAAAEAAAAB////wQAAAAL////BAAAAAgAAABBwaXhpAAAA
AAMICAgAAAAYaXBtYQAAAAAAAAABAAEFgQIDBYQAAAA4bWRhdAAAACwoAa8TIV5jQPUnIvZ5hp97B+/2WFncroDBW/L6wPZkm8Dz
qpGegIdppzAVeA==
""")

# One white frame of VP8, 16 by 16 pixels.
_WEBM = base64.b64decode("""
GkXfo59ChoEBQveBAULygQRC84EIQoKEd2VibUKHgQJChYECGFOAZwH/////////EU2bdJxNu4tTq4QVSalmU6yBoU27i1OrhBZU
rmtTrIG77AEAAAAAAAB3AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAVSalmlSrXsYMPQkBNgIRM
YXZmV0GETGF2ZhZUrmu+rgEAAAAAAAA114EBc8WIAAAAAAAAAAGcgQAitZyDdW5kiIEAhoVWX1ZQOIOBASPjg4Q7msoA4IawgRC6
gRAfQ7Z1qOeBAKOjgQAAgBACAJ0BKhAAEAAARwiFhYiZhIgCAgAMDWAA/v+j3gA=
""")


class Local:
    """The checks that ask nobody outside.

    `clock` tells the time of day, in seconds since 1970; `patience_s` is how long a server that was started just now
    may take to have its worker.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        *,
        patience_s: float = 0.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._catalog = settings, catalog
        self._patience_s, self._clock, self._sleep = patience_s, clock, sleep

    def checks(self) -> list[Check]:
        """Return them in their order."""
        redis = [Check("Redis", self._redis)] if self._settings.redis_url.get_secret_value() else []
        video = [Check("video", self._video)] if self._settings.allow_video else []
        return [
            Check("settings", self._addresses),
            Check("data folder", self._folder),
            Check("images", self._images),
            Check("AVIF and HEIC", self._decoders),
            *video,
            Check("catalog", self._reach),
            Check("catalog schema", self._schema, ("catalog",)),
            Check("catalog writing", self._write, ("catalog", "catalog schema")),
            Check("catalog journal", self._journal, ("catalog",)),
            *redis,
            Check("worker", self._worker, ("data folder",)),
        ]

    def _addresses(self) -> str:
        chosen = self._settings
        seen = f"store {chosen.store}; the app at {chosen.base_url}, images at {chosen.public_url}"
        if chosen.store == "s3" and chosen.public_url == chosen.base_url:
            advice = f"set {PREFIX}PUBLIC_URL to the domain that serves the bucket; the app serves none of its images"
            raise Trouble(seen, advice)
        for name, url in (("BASE_URL", chosen.base_url), ("PUBLIC_URL", chosen.public_url)):
            if url.startswith("http://") and "//127.0.0.1" not in url and "//localhost" not in url:
                raise Trouble(seen, f"{PREFIX}{name} is not https: tokens and images travel in the clear", level="warn")
        return seen

    def _folder(self) -> str:
        folder = self._settings.data_dir
        try:
            with TemporaryFile(dir=folder) as file:
                file.write(b"doctor")
                file.flush()
            free = shutil.disk_usage(folder).free
        except OSError as e:
            advice = f"start the server once, which makes it, or give it to the server's user: {PREFIX}DATA_DIR"
            raise Trouble(f"cannot write {folder}: {e.strerror}", advice) from e
        seen = f"{folder} can be written, {free / _GIB:,.1f} GiB free"
        if free < 2 * self._settings.max_upload_bytes:
            raise Trouble(seen, "make room: two of the largest uploads would not fit")
        if free < _GIB:
            raise Trouble(seen, "make room: uploads are spooled here while they are checked", level="warn")
        return seen

    def _images(self) -> str:
        """libmagic, our own walk and Pillow say the same of an image that was made a moment ago."""
        try:
            found = images.inspect(io.BytesIO(make_picture()), self._settings.bounds)
        except BowerbirdError as e:
            advice = "install the wheels of the lock file: another libmagic or Pillow is in the way"
            raise Trouble(f"a PNG of Pillow {pillow_version} is refused: {e}", advice) from e
        return f"libmagic and Pillow {pillow_version} agree on a PNG of {found.width} x {found.height}"

    def _decoders(self) -> str:
        pool = DecoderPool(1)
        try:
            avif = io.BytesIO()
            Image.open(io.BytesIO(make_picture())).save(avif, "AVIF")
            pool.verify(avif, "image/avif")
            pool.verify(io.BytesIO(_HEIC), "image/heic")
        except (BowerbirdError, OSError, KeyError) as e:
            advice = "install the wheels of pillow and pillow-heif for this machine; no other format is affected"
            raise Trouble(f"not decoded: {e}", advice, level="warn") from e
        finally:
            pool.close()
        return "both are decoded, each in a process of its own"

    def _video(self) -> str:
        pool = DecoderPool(1)
        try:
            found = images.inspect(io.BytesIO(_WEBM), self._settings.bounds)
            pool.verify(io.BytesIO(_WEBM), found.content_type)
        except BowerbirdError as e:
            advice = "install the wheel of av for this machine, or take no video: images are not affected"
            raise Trouble(f"not decoded: {e}", advice) from e
        finally:
            pool.close()
        return "a WebM is read and decoded, in a process of its own"

    def _reach(self) -> str:
        if not self._catalog.exists():
            raise Trouble("there is none yet", "start the server, or `bowerbird db upgrade`, which make it")
        try:
            self._catalog.ping()
        except StoreMisconfigured as e:
            raise Trouble(str(e), _READ_ONLY) from e
        except BowerbirdError as e:
            raise Trouble(str(e), f"is the database up, and {PREFIX}DATABASE_URL right?") from e
        return "it answers"

    def _schema(self) -> str:
        found = self._catalog.condition()
        if found.is_newer:
            raise Trouble(
                f"its tables are at {found.revision}", "a newer version of Bowerbird made them: update this one"
            )
        if found.revision != found.head:
            seen = f"its tables are at {found.revision or 'nothing'}, this version needs {found.head}"
            raise Trouble(seen, "run `bowerbird db upgrade`, or start the server again, which does it")
        return f"at {found.head}, as this version needs it"

    def _write(self) -> str:
        try:
            self._catalog.try_writing(now=datetime.fromtimestamp(self._clock(), UTC))
        except StoreMisconfigured as e:
            raise Trouble(str(e), _READ_ONLY) from e
        except BowerbirdError as e:
            raise Trouble(str(e), "another process holds it for long, or its disk is full") from e
        return "a row was written and removed"

    def _journal(self) -> str:
        journal = self._catalog.condition().journal
        if journal not in (None, "wal"):
            advice = "keep it on a local disk: on a network file system SQLite cannot write ahead, and may be damaged"
            raise Trouble(f"SQLite's journal is {journal}, not WAL", advice, level="warn")
        return "WAL" if journal else "PostgreSQL's own"

    def _redis(self) -> str:
        url = self._settings.redis_url.get_secret_value()
        options = {"socket_connect_timeout": _REDIS_S, "socket_timeout": _REDIS_S}
        try:
            is_there = storage_from_string(url, wrap_exceptions=True, **options).check()
        except StorageError:
            is_there = False
        if not is_there:
            raise Trouble("it does not answer", f"is it up, and {PREFIX}REDIS_URL right? Until then nobody can sign in")
        return "it answers"

    def _worker(self) -> str:
        heart, waited_s = Heartbeat(self._settings.data_dir), 0.0
        while (age_s := heart.age_s(self._clock())) is None and waited_s < self._patience_s:
            self._sleep(_PAUSE_S)
            waited_s += _PAUSE_S
        if age_s is None:
            is_shared = self._settings.database_url.get_secret_value().startswith("postgresql")
            advice = "start `bowerbird serve`, which brings one, or `bowerbird worker`: without it nothing expires"
            if is_shared:
                advice += "; one that runs on another host is not seen from here"
            raise Trouble("none runs over this data folder", advice, level="warn" if is_shared else "fail")
        if age_s > _STUCK_S:
            raise Trouble(
                f"its last turn was {age_s / 60:.0f} minutes ago", "it hangs: look at its log, start it again"
            )
        return f"one runs, its last turn began {age_s:.0f} s ago"
