"""A whole edge that stands as described: Cloudflare's state and API, and viewers, in front of the stand-in for B2."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from app.edge.rules import Site, describe
from tests.b2 import B2
from tests.worker.requests import NO_HEADERS, Answer, Endpoint

from .api import Api
from .public_side import Edge, Origin, World
from .zone import Account, Token, Zone, new_id

TOKEN = "standing-api-token"


@dataclass
class Standing:
    """What stands. Tests change `zone`, `account` and `world` to make something wrong, and `api.trouble` to make calls
    fail; `url` reaches the image host for clients that cannot send its name as Host."""

    site: Site
    b2: B2
    account: Account
    zone: Zone
    world: World
    api: Api
    edge: Edge
    token: str = TOKEN

    @property
    def api_url(self) -> str:
        """The base URL of the API."""
        return self.api.base_url

    @property
    def zone_id(self) -> str:
        return self.zone.id

    @property
    def url(self) -> str:
        return self.edge.url

    def view(
        self, path: str, headers: Mapping[str, str] = NO_HEADERS, *, host: str | None = None, method: str = "GET"
    ) -> Answer:
        """Return what a viewer of the image host is answered; `path` is sent as it is."""
        return Endpoint(self.edge.port).send(method, path, {"host": host or self.site.image_host, **headers})

    def rule(self, ref: str) -> dict:
        """Return one of the rules as Cloudflare holds it, to be changed: `ref` without the `bowerbird_`."""
        return next(rule for one in self.zone.rulesets for rule in one["rules"] if rule["ref"] == f"bowerbird_{ref}")


def site_of(b2: B2, image_host: str = "i.example.com", **more: object) -> Site:
    """Return the site over the bucket of a stand-in."""
    return Site(image_host, b2.bucket, f"f{b2.region.rpartition('-')[2]}.backblazeb2.com", **more)


@contextmanager
def standing(
    b2: B2,
    site: Site | None = None,
    *,
    is_set_up: bool = True,
    scheme: str = "http",
    clock: Callable[[], float] | None = None,
    api_port: int = 0,
    edge_port: int = 0,
) -> Iterator[Standing]:
    """Stand it up for `site` (by default i.example.com over the bucket of `b2`, which has been started).

    With `is_set_up` all that describe(site) asks for is in the state already; without, the zone is a new one.
    `scheme` is that of the public URL: http is that of `url`; a purge by URL has to name the same.
    """
    site = site or site_of(b2)
    more = {"clock": clock} if clock else {}
    zone = Zone(site.image_host.partition(".")[2], **more)
    account = Account([zone], [Token(TOKEN)])
    if is_set_up:
        set_up(zone, site)
    world = World({site.friendly_host: Origin(b2.friendly_address)})
    with Api(account, api_port) as api, Edge(account, world, edge_port, scheme=scheme) as edge:
        zone.aliases |= {f"{name}:{edge.port}": site.image_host for name in ("127.0.0.1", "localhost")}
        yield Standing(site, b2, account, zone, world, api, edge)


def set_up(zone: Zone, site: Site) -> None:
    """Put into the state what describe(site) asks for, as if a set-up had done it."""
    described = describe(site)
    if described.dns:
        zone.records.append({"id": new_id(), "created_on": zone.now(), "comment": None, **described.dns})
    for phase, rules in described.rulesets.items():
        zone.put_ruleset(phase, rules)
