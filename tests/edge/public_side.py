"""What Cloudflare does for those who open an image: everything that the state of the zone asks for, in its order."""

import http.client
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import phases
from .answers import error, fitting, page
from .cache import Answer, Headers, Key, is_static, ttl_s
from .relay import HOP_BY_HOP, Listener, Relay
from .worker_side import added_headers
from .zone import Account, Zone

_REPLACED = {"accept-encoding", "expect", "host"}
_CONDITIONS = {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"}
_NEVER_SHOWN = {"server", "date", "content-length", *HOP_BY_HOP}


@dataclass
class Origin:
    """A host that the zone points to: `address` plays its port 443, `plain_address` its port 80, if it listens there.

    `names` is what its certificate is good for; `is_trusted` whether that is in force and from a known authority.
    """

    address: tuple[str, int]
    names: tuple[str, ...] = ("*.backblazeb2.com",)
    is_trusted: bool = True
    plain_address: tuple[str, int] | None = None

    def vouches_for(self, *hosts: str) -> bool:
        known = {host for host in hosts if host in self.names or f"*.{host.partition('.')[2]}" in self.names}
        return self.is_trusted and bool(known)


@dataclass
class World:
    """What the edge reaches: origins by host name, and where the Workers of the account run, by script name."""

    origins: dict[str, Origin] = field(default_factory=dict)
    workers: dict[str, tuple[str, int]] = field(default_factory=dict)


class Edge(Listener):
    """The viewers' side of one account. It listens without TLS and takes each request as one that came by `scheme`."""

    def __init__(self, account: Account, world: World, port: int = 0, *, scheme: str = "https") -> None:
        super().__init__(port)
        self._account = account
        self._world = world
        self._scheme = scheme

    def handle(self, request: Relay) -> None:
        host, zone = self._zone_of(request.headers.get("host", ""))
        record = zone.record(host) if zone else None
        worker = self._account.worker_of(host)
        if zone is None or (record is None and worker is None):
            return _send(request, error(409, 1001), [])
        if worker is None and record and not record["proxied"]:
            return self._direct(request, record["content"])
        raw_path, _, query = request.path.partition("?")
        headers = [*request.headers.items()]
        seen = phases.rewritten(zone, phases.Seen(request.command, self._scheme, host, raw_path, query, headers))
        if worker is not None:
            answer, more = self._from_worker(request, seen, worker), []
        else:
            answer, more = self._from_origin(request, seen, zone, record["content"])
        ray = f"{secrets.token_hex(8)}-AMS"
        shown = phases.shown(zone, seen, Answer(answer.status, [*answer.headers, *more], answer.body))
        return _send(request, answer, [*shown, ("Server", "cloudflare"), ("CF-RAY", ray)])

    def _zone_of(self, host: str) -> tuple[str, Zone | None]:
        """Return the host that a Host header means, and the zone that it lies in."""
        for zone in self._account.zones:
            name = zone.host_of(host).partition(":")[0]
            if name == zone.name or name.endswith(f".{zone.name}"):
                return name, zone
        return host, None

    def _direct(self, request: Relay, content: str) -> None:
        """Let a record that is not proxied lead to the origin itself."""
        origin = self._world.origins.get(content)
        if origin is None:
            request.close_connection = True
            return None
        return request.pass_on(origin.address, request.command, request.path, [*request.headers.items()])

    def _from_worker(self, request: Relay, seen: phases.Seen, worker: str) -> Answer:
        address = self._world.workers.get(worker)
        if address is None:
            return error(500, 1101)
        headers = [one for one in request.headers.items() if one[0].lower() not in ("accept-encoding", "expect")]
        return _fetched(address, request.command, seen.target, [*headers, *added_headers()], b"".join(request.body()))

    def _from_origin(self, request: Relay, seen: phases.Seen, zone: Zone, content: str) -> tuple[Answer, Headers]:
        """Return the answer, out of the cache where that may be, and the headers that say so."""
        rules = phases.settings(zone, phases.CACHE, seen)
        is_eligible = rules.get("cache", is_static(seen.clean_path)) and request.command in ("GET", "HEAD")
        sent = {name.lower(): value for name, value in request.headers.items()}
        if zone.settings["development_mode"] == "on" or not is_eligible:
            status = "BYPASS" if rules.get("cache") is False else "DYNAMIC"
            return self._asked(request, seen, zone, content), [("CF-Cache-Status", status)]
        query = seen.raw_query
        if rules.get("cache_key", {}).get("ignore_query_strings_order"):
            query = "&".join(sorted(query.split("&")))
        key = Key(seen.scheme, seen.host, seen.clean_path, query, sent.get("origin", ""))
        status, answer, age_s = zone.cache.get(key)
        more = [("Age", str(age_s))]
        if answer is None:
            # The whole of it is fetched, whatever part was asked for, and by GET also for a HEAD.
            answer, more = self._asked(request, seen, zone, content, is_whole=True), []
            for_s = ttl_s(answer, rules, is_authorized="authorization" in sent)
            if for_s and not answer.is_own:
                zone.cache.put(key, answer, for_s)
            elif status == "MISS" and for_s is None and _forbids(answer):
                status = "BYPASS"
        kept = _for_browsers(answer, rules, zone) if status != "BYPASS" else answer
        return fitting(kept, sent), [*more, ("CF-Cache-Status", status)]

    def _asked(self, request: Relay, seen: phases.Seen, zone: Zone, content: str, *, is_whole: bool = False) -> Answer:
        """Ask the origin; with `is_whole` for all of the object, whatever the viewer wants of it."""
        mode = phases.settings(zone, phases.CONFIG, seen).get("ssl", zone.settings["ssl"])
        address = self._address(mode, seen.host, content)
        if isinstance(address, Answer):
            return address
        dropped = _REPLACED | (_CONDITIONS if is_whole else set())
        headers = [one for one in request.headers.items() if one[0].lower() not in dropped]
        headers = [("Host", seen.host), *headers, *added_headers()]
        method = "GET" if is_whole else request.command
        try:
            return _fetched(address, method, seen.target, headers, b"".join(request.body()))
        except ConnectionRefusedError:
            return page(521, seen.host)
        except TimeoutError:
            return page(522, seen.host)
        except (OSError, http.client.HTTPException):
            return page(520, seen.host)

    def _address(self, mode: str, host: str, content: str) -> tuple[str, int] | Answer:
        """Return where the origin is reached in an SSL mode; Cloudflare's error where it is not."""
        origin = self._world.origins.get(content)
        if origin is None:
            return error(530, 1016)
        if mode == "strict" and not origin.vouches_for(host, content):
            return page(526, host)
        address = origin.plain_address if mode in ("off", "flexible") else origin.address
        return address or page(522, host)


def _fetched(address: tuple[str, int], method: str, target: str, headers: Headers, body: bytes) -> Answer:
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        kept = [one for one in response.getheaders() if one[0].lower() not in _NEVER_SHOWN]
        return Answer(response.status, kept, response.read())
    finally:
        connection.close()


def _forbids(answer: Answer) -> bool:
    control = (answer.header("cache-control") or "").lower()
    return any(word in control for word in ("no-store", "no-cache", "private", "max-age=0"))


def _for_browsers(answer: Answer, rules: Mapping, zone: Zone) -> Answer:
    """Return the answer with the least time that browsers are to keep it, where no rule leaves that to the origin.

    Source: https://developers.cloudflare.com/cache/how-to/edge-browser-cache-ttl/set-browser-ttl/
    """
    rule = rules.get("browser_ttl")
    least_s = zone.settings["browser_cache_ttl"] if rule is None else rule.get("default", 0)
    own_s = ttl_s(Answer(200, [one for one in answer.headers if one[0].lower() == "cache-control"], b""), {}) or 0
    is_longer = answer.header("cache-control") is not None and own_s >= least_s
    if answer.is_own or answer.status >= 400 or not least_s or (rule is None and is_longer):
        return answer
    others = [one for one in answer.headers if one[0].lower() != "cache-control"]
    return Answer(answer.status, [*others, ("Cache-Control", f"max-age={least_s}")], answer.body)


def _send(request: Relay, answer: Answer, headers: Headers) -> None:
    """Send it with these headers; its own, where there are none."""
    request.send_response_only(answer.status)
    for name, value in headers or [*answer.headers, ("Server", "cloudflare")]:
        request.send_header(name, value)
    if answer.status not in (204, 304):
        request.send_header("Content-Length", str(len(answer.body)))
    request.send_header("Date", request.date_time_string())
    request.end_headers()
    if request.command != "HEAD" and answer.status not in (204, 304):
        request.wfile.write(answer.body)
