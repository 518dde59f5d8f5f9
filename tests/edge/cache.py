"""What the edge keeps of answers, for how long, and what a purge takes away."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Headers = list[tuple[str, str]]

# Where the origin says nothing.
# Source: https://developers.cloudflare.com/cache/how-to/configure-cache-status-code/
DEFAULT_TTL_S = {200: 7200, 206: 7200, 301: 7200, 302: 1200, 303: 1200, 404: 180, 410: 180}
# What is kept without a rule. Source: https://developers.cloudflare.com/cache/concepts/default-cache-behavior/
_EXTENSIONS = """7z avi avif apk bin bmp bz2 class css csv doc docx dmg ejs eot eps exe flac gif gz ico iso jar js jpg
jpeg mid midi mkv mp3 mp4 ogg otf pdf pict pls png ppt pptx ps rar svg svgz swf tar tif tiff ttf webm webp woff woff2
xls xlsx zip zst"""
EXTENSIONS = frozenset(_EXTENSIONS.split())
_BYPASSED = ("no-store", "no-cache", "private")


@dataclass(frozen=True)
class Answer:
    """An answer of the origin, or of Cloudflare itself (`is_own`); headers as they came, names as they were spelt."""

    status: int
    headers: Headers
    body: bytes
    is_own: bool = False

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass(frozen=True)
class Key:
    """What an answer is kept under: the address as the viewer wrote it, and the Origin that was sent."""

    scheme: str
    host: str
    path: str
    query: str = ""
    origin: str = ""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}" + (f"?{self.query}" if self.query else "")


@dataclass
class Cache:
    """The cache of one zone; `clock` gives seconds."""

    clock: Callable[[], float]
    _kept: dict[Key, tuple[float, float, Answer]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Key) -> tuple[str, Answer | None, int]:
        """Return HIT, EXPIRED or MISS, the answer of a HIT, and its age in seconds."""
        with self._lock:
            stored_at, until, answer = self._kept.get(key, (0.0, 0.0, None))
        if answer is None:
            return "MISS", None, 0
        now = self.clock()
        return ("HIT", answer, int(now - stored_at)) if now < until else ("EXPIRED", None, 0)

    def put(self, key: Key, answer: Answer, ttl_s: int) -> None:
        now = self.clock()
        with self._lock:
            self._kept[key] = (now, now + ttl_s, answer)

    def keys(self) -> list[Key]:
        with self._lock:
            return list(self._kept)

    def purge_file(self, url: str, origin: str = "") -> None:
        """Forget what was kept for this URL with exactly this Origin; "" is for requests that sent none."""
        parts = urlsplit(url)
        wanted = Key(parts.scheme, parts.netloc, parts.path or "/", parts.query, origin)
        self._forget(lambda key: key == wanted)

    def purge_prefix(self, prefix: str) -> None:
        """Forget what lies at or below HOST or HOST/PATH, whatever its query and Origin."""
        at = prefix.rstrip("/")
        self._forget(lambda key: f"{key.host}{key.path}/".startswith(f"{at}/"))

    def purge_everything(self) -> None:
        self._forget(lambda _: True)

    def _forget(self, is_meant: Callable[[Key], bool]) -> None:
        with self._lock:
            self._kept = {key: kept for key, kept in self._kept.items() if not is_meant(key)}


def is_static(path: str) -> bool:
    """Return whether Cloudflare keeps a path without being told to.

    >>> is_static("/a.PNG"), is_static("/a.heic"), is_static("/png")
    (True, False, False)
    """
    return "." in path.rpartition("/")[2] and path.rpartition(".")[2].lower() in EXTENSIONS


def ttl_s(answer: Answer, settings: dict, *, is_authorized: bool = False) -> int | None:
    """Return for how many seconds to keep an answer by the cache settings; None if not at all."""
    edge = settings.get("edge_ttl", {"mode": "respect_origin"})
    for one in edge.get("status_code_ttl", []):
        bounds = one.get("status_code_range", {"from": one.get("status_code"), "to": one.get("status_code")})
        if (bounds.get("from") or 0) <= answer.status <= (bounds.get("to") or 999):
            return one["value"] if one["value"] > 0 else None
    if edge["mode"] == "override_origin":
        return edge["default"]
    control = _directives(answer.header("cache-control") or "")
    if any(word in control for word in _BYPASSED) or answer.header("set-cookie"):
        return None
    if is_authorized and not {"public", "s-maxage", "must-revalidate"} & set(control):
        return None
    for name in ("s-maxage", "max-age"):
        if name in control:
            return int(control[name] or 0) or None
    return None if edge["mode"] == "bypass_by_default" else DEFAULT_TTL_S.get(answer.status)


def _directives(control: str) -> dict[str, str]:
    pairs = (one.strip().lower().partition("=") for one in control.split(","))
    return {name: value.strip('"') for name, _, value in pairs}
