"""The edge goes by the state of the zone: what viewers get where something in it is otherwise."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.b2 import B2, Fault
from tests.edge import Origin
from tests.edge.conftest import Clock
from tests.edge.relay import Listener, Relay
from tests.edge.standing import Standing, standing
from tests.worker.requests import Answer

Put = Callable[..., str]
B2_HOST = "f004.backblazeb2.com"


class Server(Listener):
    """An origin, or a Worker: says what was asked, and answers what it was told to."""

    def __init__(self, status: int = 200, headers: Any = (), body: bytes = b"bytes") -> None:
        super().__init__()
        self.status, self.headers, self.body = status, headers, body
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def handle(self, request: Relay) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.command, request.path, headers))
        request.say(self.status, self.body, "image/png", self.headers)


@pytest.fixture
def bare(b2: B2, clock: Clock) -> Any:
    """A zone that is all defaults, but for its DNS record and SSL mode."""
    with standing(b2, scheme="https", clock=clock) as made:
        made.zone.rulesets.clear()
        made.zone.settings |= {"ssl": "full", "browser_cache_ttl": 0}
        yield made


def point_to(edge: Standing, server: Listener) -> None:
    edge.world.origins[B2_HOST] = Origin(server.address)


def cache_status(answer: Answer) -> str:
    return answer.headers["cf-cache-status"]


def is_html_error(answer: Answer, status: int) -> bool:
    is_page = answer.headers["content-type"] == "text/html; charset=UTF-8" and b"<h1>Error code" in answer.body
    return is_page and answer.status == status and answer.headers["server"] == "cloudflare"


@pytest.mark.parametrize("mode", ["flexible", "off"])
def test_without_the_rule_for_ssl_a_new_zone_gives_522(edge: Standing, put: Put, mode: str) -> None:
    put("a.png")
    edge.rule("ssl")["enabled"] = False
    edge.zone.settings["ssl"] = mode

    answer = edge.view("/a.png")

    assert is_html_error(answer, 522)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_origin_that_listens_on_port_80_is_reached_with_flexible(bare: Standing) -> None:
    bare.zone.settings["ssl"] = "flexible"
    with Server() as server:
        bare.world.origins[B2_HOST].plain_address = server.address
        assert bare.view("/a.png").status == 200


@pytest.mark.parametrize(
    ("mode", "origin", "status"),
    [
        ("strict", {"names": ("*.backblazeb2.com",)}, 404),
        ("strict", {"names": ("i.example.com",)}, 404),
        ("strict", {"names": ("*.example.com",)}, 404),
        ("strict", {"names": ("www.example.com", "backblazeb2.com")}, 526),
        ("strict", {"is_trusted": False}, 526),
        ("full", {"is_trusted": False}, 404),
    ],
)
def test_only_strict_looks_at_the_certificate(
    bare: Standing, b2: B2, mode: str, origin: dict[str, Any], status: int
) -> None:
    bare.zone.settings["ssl"] = mode
    bare.world.origins[B2_HOST] = Origin(b2.friendly_address, **origin)

    answer = bare.view("/file/my-pictures/none.png")

    assert answer.status == status
    assert is_html_error(answer, 526) == (status == 526)


def test_a_record_that_leads_nowhere_gives_1016(edge: Standing) -> None:
    edge.zone.records[0]["content"] = "f999.backblazeb2.com"

    answer = edge.view("/a.png")

    assert (answer.status, answer.body) == (530, b"error code: 1016\n")


@pytest.mark.parametrize("host", ["none.example.com", "i.example.org"])
def test_a_host_without_a_record_gives_1001(edge: Standing, host: str) -> None:
    answer = edge.view("/a.png", host=host)

    assert (answer.status, answer.body) == (409, b"error code: 1001\n")


def test_a_record_that_is_not_proxied_leads_to_b2_itself(edge: Standing, put: Put) -> None:
    put("a.png")
    edge.zone.records[0]["proxied"] = False

    missing, found = edge.view("/a.png"), edge.view("/file/my-pictures/a.png")

    assert (missing.status, found.status, found.body) == (404, 200, b"bytes")
    assert "x-bz-file-id" in found.headers
    assert not [name for name in found.headers if name.lower().startswith("cf-") or name.lower() == "server"]


def test_without_the_rewrite_the_path_goes_to_b2_as_it_is(edge: Standing, b2: B2) -> None:
    edge.rule("path")["enabled"] = False

    assert edge.view("/a.png?x=1").status == 404
    assert [one.path for one in b2.downloads] == ["/a.png?x=1"]


@pytest.mark.parametrize(("kind", "status"), [("refused", 521), ("reset", 520)])
def test_an_origin_that_does_not_answer_is_an_error_of_cloudflares(
    edge: Standing, b2: B2, kind: str, status: int
) -> None:
    if kind == "reset":
        b2.faults.add(Fault("reset", method="GET"))
    else:
        with Server() as gone:
            point_to(edge, gone)

    assert is_html_error(edge.view("/a.png"), status)


@pytest.mark.parametrize(
    ("status", "headers", "path", "statuses"),
    [
        (200, [("Cache-Control", "public, max-age=31536000")], "/a.png", ["MISS", "HIT"]),
        (200, [], "/a.png", ["MISS", "HIT"]),
        (200, [], "/a.PNG?v=1", ["MISS", "HIT"]),
        (200, [], "/a", ["DYNAMIC", "DYNAMIC"]),
        (200, [], "/a.heic", ["DYNAMIC", "DYNAMIC"]),
        (200, [("Cache-Control", "no-store")], "/a.png", ["BYPASS", "BYPASS"]),
        (200, [("Cache-Control", "private, max-age=5")], "/a.png", ["BYPASS", "BYPASS"]),
        (200, [("Cache-Control", "max-age=0")], "/a.png", ["BYPASS", "BYPASS"]),
        (200, [("Cache-Control", "max-age=0, s-maxage=9")], "/a.png", ["MISS", "HIT"]),
        (200, [("Set-Cookie", "a=b")], "/a.png", ["MISS", "MISS"]),
        (404, [], "/a.png", ["MISS", "HIT"]),
        (503, [], "/a.png", ["MISS", "MISS"]),
    ],
)
def test_what_a_zone_keeps_without_a_rule(
    bare: Standing, status: int, headers: list, path: str, statuses: list[str]
) -> None:
    with Server(status, headers) as server:
        point_to(bare, server)
        assert [cache_status(bare.view(path)) for _ in range(2)] == statuses


def test_a_404_is_kept_for_three_minutes_by_default(bare: Standing, clock: Clock) -> None:
    with Server(404) as server:
        point_to(bare, server)
        bare.view("/a.png")
        server.status = 200

        assert bare.view("/a.png").status == 404
        clock.now += 180
        answer = bare.view("/a.png")
    assert (answer.status, cache_status(answer)) == (200, "EXPIRED")


@pytest.mark.parametrize(
    ("control", "statuses"), [("max-age=60", ["MISS", "MISS"]), ("public, max-age=60", ["MISS", "HIT"])]
)
def test_what_was_asked_for_with_authorization_is_kept_only_if_public(
    bare: Standing, control: str, statuses: list[str]
) -> None:
    with Server(200, [("Cache-Control", control)]) as server:
        point_to(bare, server)
        answers = [bare.view("/a.png", {"authorization": "Bearer x"}) for _ in range(2)]

    assert [cache_status(answer) for answer in answers] == statuses


def test_development_mode_keeps_nothing(edge: Standing, put: Put) -> None:
    put("a.png")
    edge.zone.settings["development_mode"] = "on"

    assert [cache_status(edge.view("/a.png")) for _ in range(2)] == ["DYNAMIC", "DYNAMIC"]


@pytest.mark.parametrize(("given", "shown"), [(None, "max-age=14400"), ("max-age=60", "max-age=14400"),
                                              ("max-age=99999", "max-age=99999")])  # fmt: skip
def test_browsers_are_told_to_keep_things_for_four_hours_by_default(
    bare: Standing, given: str | None, shown: str
) -> None:
    bare.zone.settings["browser_cache_ttl"] = 14400
    with Server(200, [("Cache-Control", given)] if given else []) as server:
        point_to(bare, server)
        assert bare.view("/a.png").headers["cache-control"] == shown


def test_what_the_origin_says_of_itself_is_recognised(bare: Standing) -> None:
    dated = [("ETag", '"one"'), ("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")]
    with Server(200, dated) as server:
        point_to(bare, server)
        conditions = [
            {"if-none-match": 'W/"one", "two"'},
            {"if-none-match": '"two"'},
            {"if-modified-since": "Wed, 21 Oct 2015 07:28:00 GMT"},
            {"if-modified-since": "Tue, 20 Oct 2015 07:28:00 GMT"},
        ]
        answers = [bare.view("/a.png", condition) for condition in conditions]

    assert [answer.status for answer in answers] == [304, 200, 304, 200]
    assert (answers[0].body, answers[0].headers["etag"]) == (b"", '"one"')
    assert ["if-none-match" in headers for _, _, headers in server.asked] == [False]


def test_later_rules_win_and_all_see_the_answer_as_it_came(bare: Standing) -> None:
    first = 'http.response.headers["x-a"][0]'
    rules = [
        {"x-a": {"operation": "remove"}, "x-b": {"operation": "set", "value": "one"}},
        {"x-b": {"operation": "set", "expression": f'concat({first}, "!")'}, "x-c": {"operation": "set", "value": "c"}},
        {"x-c": {"operation": "set", "expression": 'http.response.headers["x-b"][0]'}},
        {"x-d": {"operation": "set", "expression": "http.request.uri.query"}},
        {"vary": {"operation": "add", "value": "Origin"}},
    ]
    bare.zone.put_ruleset(
        "http_response_headers_transform",
        [{"expression": "true", "action": "rewrite", "action_parameters": {"headers": one}} for one in rules],
    )
    with Server(200, [("X-A", "first"), ("X-C", "old"), ("X-D", "old"), ("Vary", "Accept")]) as server:
        point_to(bare, server)
        headers = bare.view("/a.png").headers

    assert ("x-a" in headers, headers["x-b"], "x-c" in headers) == (False, "first!", False)
    assert "x-d" not in headers  # its query is empty, which is as good as none
    assert headers.get_all("vary") == ["Accept", "Origin"]


def test_a_host_that_belongs_to_a_worker_is_answered_by_it(edge: Standing) -> None:
    edge.account.domains.append({"hostname": "up.example.com", "service": "proxy"})
    assert edge.view("/a", host="up.example.com").body == b"error code: 1101\n"

    with Server(201, [("X-Made-By", "worker")]) as worker:
        edge.world.workers["proxy"] = worker.address
        answer = edge.view("/a//b?c", host="up.example.com", method="PUT")

    ((method, path, headers),) = worker.asked
    assert (method, path, headers["host"], headers["accept-encoding"]) == (
        "PUT",
        "/a//b?c",
        "up.example.com",
        "gzip, br",
    )
    assert (answer.status, answer.headers["x-made-by"], answer.headers["server"]) == (201, "worker", "cloudflare")
    assert "cf-cache-status" not in answer.headers


def test_a_client_that_cannot_name_the_host_reaches_it_by_its_address(edge: Standing, put: Put) -> None:
    put("a.png")

    assert edge.view("/a.png", host=edge.url.removeprefix("http://")).body == b"bytes"
    assert cache_status(edge.view("/a.png")) == "HIT"
