"""The read Worker refuses in one plain sentence that nothing keeps; and what goes wrong behind it stays behind it."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from app.edge.headers import VIEWER_HEADERS
from tests.b2 import B2, Fault
from tests.edge import WorkerCache
from tests.edge.relay import Listener, Relay
from tests.worker.reading import ENTRY, IMAGE_HOST, KEYS, READER, ImageDomain, open_domain, variables
from tests.worker.requests import BUCKET, Answer, Endpoint
from tests.workerd import Workerd

BODY = b"the bytes of an image"
PATH = "/k7Wq3Zp.png"
KEY = PATH[1:]
SECRETS = (BUCKET, READER.access_key_id, READER.secret_access_key, "backblaze", "<Error>", "Code")


@pytest.fixture(scope="module")
def b2() -> Iterator[B2]:
    with B2(keys=KEYS, is_public=False) as started:
        yield started


@pytest.fixture(scope="module")
def _domain(b2: B2) -> Iterator[ImageDomain]:
    with ExitStack() as stack:
        yield open_domain(stack, b2)


@pytest.fixture
def domain(_domain: ImageDomain) -> ImageDomain:
    """The image domain over an empty bucket, with an empty cache."""
    _domain.b2.empty()
    _domain.cache.forget()
    return _domain


@pytest.fixture
def make_domain(b2: B2) -> Iterator[Callable[..., ImageDomain]]:
    """Start a read Worker with other variables."""
    b2.empty()
    with ExitStack() as stack:
        yield lambda **changed: open_domain(stack, b2, **changed)


def is_plain(answer: Answer) -> bool:
    """Whether a refusal is one sentence that nothing keeps, and tells nothing of what is behind the Worker."""
    text = answer.body.decode()
    told = f"{text} {answer.headers}"
    return (
        answer.headers["content-type"] == "text/plain; charset=utf-8"
        and answer.headers["cache-control"] == "no-store"
        and all(answer.headers[name] == value for name, value in VIEWER_HEADERS.items())
        and text.endswith(".\n") and text.count("\n") == 1
        and not any(secret in told for secret in SECRETS)
        and not any(name.lower().startswith(("x-amz-", "x-bz-")) for name in answer.headers)
    )  # fmt: skip


def test_what_is_not_there_is_not_found_until_it_is_there(domain: ImageDomain) -> None:
    missing, head = domain.get(PATH), domain.get(PATH, method="HEAD")
    domain.put(KEY, BODY)
    found = domain.get(PATH)

    assert (missing.status, missing.body) == (404, b"There is no such image.\n")
    assert is_plain(missing)
    assert (head.status, head.body, head.headers["cache-control"]) == (404, b"", "no-store")
    assert (found.status, found.body) == (200, BODY)


def test_a_deleted_image_is_not_found(domain: ImageDomain) -> None:
    domain.put(KEY, BODY)
    domain.delete(KEY)

    assert (domain.get(PATH).status, domain.cache.puts) == (404, 0)


@pytest.mark.parametrize(
    "path",
    [
        "/", "/?list-type=2", "/a/", "//k7Wq3Zp.png", "/a//b", "/./k7Wq3Zp.png", "/../other-bucket/a.png",
        "/%2e%2e/other-bucket/a.png", "/a/..%2fk7Wq3Zp.png", "/a%2Fb", "/a%5cb", "/..%5Cother", "/%", "/%zz", "/%ff",
        "/a%00b", "/%0d%0ax", f"/{'a' * 251}", "/" + "/".join(["a" * 200] * 6),
    ],
)  # fmt: skip
def test_a_path_that_names_no_object_never_comes_to_b2(domain: ImageDomain, path: str) -> None:
    domain.put(KEY, BODY)

    answer = Endpoint(domain.worker.port).send("GET", path)  # as it is: a stand-in before it reads paths in its own way

    assert (answer.status, answer.body) == (404, b"There is no such image.\n")
    assert domain.b2.requests == []


def test_another_bucket_is_not_reached(domain: ImageDomain) -> None:
    domain.put(KEY, BODY)

    for path in (f"/{BUCKET}/{KEY}", f"/file/{BUCKET}/{KEY}", f"/../{BUCKET}/{KEY}"):
        assert domain.get(path).status == 404

    assert all(record.target.startswith(f"/{BUCKET}/") for record in domain.b2.requests)


def test_no_query_comes_to_b2(domain: ImageDomain) -> None:
    """B2 reads some: versionId would show what was deleted, response-content-type would make a page of it."""
    domain.put(KEY, BODY)

    answer = domain.get(f"{PATH}?response-content-type=text/html&versionId=4_z1&acl")

    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert [record.target for record in domain.b2.requests] == [f"/{BUCKET}{PATH}"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
def test_other_methods_are_refused(domain: ImageDomain, method: str) -> None:
    domain.put(KEY, BODY)

    answer = domain.get(PATH, {"content-length": "0"}, method)

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert is_plain(answer)
    assert domain.b2.requests == []


@pytest.mark.parametrize("kind", ["503", "500", "slowdown", "reset", "html"])
def test_a_fault_that_passes_is_not_noticed(domain: ImageDomain, kind: str) -> None:
    domain.put(KEY, BODY)
    domain.b2.faults.add(Fault(kind, times=2))  # type: ignore[arg-type]

    answer = domain.get(PATH)

    assert (answer.status, answer.body) == (200, BODY)
    assert len(domain.b2.requests) == 3


@pytest.mark.parametrize("kind", ["503", "reset", "html"])
def test_a_fault_that_lasts_is_one_sentence_and_is_not_kept(domain: ImageDomain, kind: str) -> None:
    domain.put(KEY, BODY)
    domain.b2.faults.add(Fault(kind, times=10))  # type: ignore[arg-type]

    refused = domain.get(PATH)
    domain.b2.faults.clear()
    after = domain.get(PATH)

    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert refused.body == b"The image store does not answer right now; try again in a moment.\n"
    assert is_plain(refused)
    assert (after.status, after.body) == (200, BODY)


def test_a_cap_is_named_asked_for_once_and_ends_at_midnight(domain: ImageDomain) -> None:
    domain.put(KEY, BODY)
    domain.b2.faults.add(Fault("cap", which="download"))
    now = datetime.now(UTC)
    left_s = 86400 - (now.hour * 3600 + now.minute * 60 + now.second)

    refused = domain.get(PATH)
    asked = len(domain.b2.requests)

    assert (refused.status, asked) == (503, 1)
    assert refused.body == b"The image store has no downloads left for today; they begin anew at 00:00 UTC.\n"
    assert is_plain(refused)
    assert (int(refused.headers["retry-after"]) - left_s) % 86400 in (0, 1, *range(86400 - 20, 86400))
    assert domain.get(PATH).status == 200


@pytest.mark.parametrize(
    "changed",
    [{"B2_APPLICATION_KEY": "another-secret"}, {"B2_BUCKET": "somebody-elses"}, {"B2_REGION": "eu-central-003"}],
)
def test_what_b2_forbids_is_in_the_log_and_not_in_the_answer(
    make_domain: Callable[..., ImageDomain], changed: dict[str, str]
) -> None:
    domain = make_domain(**changed)

    refused = domain.get(PATH)

    assert refused.status == 503
    assert refused.body == b"The image store does not let this host read; the log of the Worker says why.\n"
    assert is_plain(refused)
    assert '"status":40' in domain.worker.log()
    assert READER.secret_access_key not in domain.worker.log()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (dict.fromkeys(variables(), ""), "; ".join(f"{name} is not set" for name in variables())),
        ({"B2_ENDPOINT": "http://s3.us-west-004.backblazeb2.com"},
         "B2_ENDPOINT is not an address such as s3.us-west-004.backblazeb2.com"),
        ({"B2_ENDPOINT": "b2.example.com"}, "B2_REGION is not set, and B2_ENDPOINT does not name it"),
        ({"B2_BUCKET": "a/../b-bucket"},
         "B2_BUCKET is not the name of a bucket: 6 to 63 letters, digits and hyphens"),
    ],
)  # fmt: skip
def test_what_is_not_set_is_named(
    make_domain: Callable[..., ImageDomain], changed: dict[str, str], problem: str
) -> None:
    answer = make_domain(**changed).get(PATH)

    assert (answer.status, answer.body.decode()) == (500, f"The read Worker is not set up: {problem}.\n")
    assert answer.headers["cache-control"] == "no-store"
    assert READER.secret_access_key not in answer.body.decode()


def test_memory_stays_flat_while_slow_viewers_take_95_mb(domain: ImageDomain) -> None:
    body = os.urandom(95_000_000)
    domain.put("large.png", body)
    domain.put(KEY, BODY)
    domain.get(PATH)
    before = domain.worker.memory_kib()

    with socket.create_connection(("127.0.0.1", domain.port), timeout=30) as slow:
        slow.sendall(f"GET /large.png HTTP/1.1\r\nHost: {IMAGE_HOST}\r\n\r\n".encode())
        start = slow.recv(1000)
        kept = domain.cache.wait(2, timeout_s=60)  # the whole of it is in the cache, while this one reads no further
        part = domain.get("/large.png", {"range": "bytes=94999990-"})
        whole = domain.get("/large.png")

    assert start.startswith(b"HTTP/1.1 200")
    assert f"https://{IMAGE_HOST}/large.png" in kept
    assert (part.status, part.body, part.headers["cf-cache-status"]) == (206, body[-10:], "HIT")
    assert whole.body == body
    assert domain.worker.memory_kib() - before < 64 * 1024


def test_many_ranges_of_what_is_not_kept_fill_the_cache_once(domain: ImageDomain) -> None:
    domain.put("a.mp4", os.urandom(1_000_000), "video/mp4")
    domain.b2.faults.add(Fault("slow", delay_s=0), Fault("slow", delay_s=1))  # the second is what fills the cache

    for at in (0, 100, 200):
        domain.get("/a.mp4", {"range": f"bytes={at}-{at + 9}"})
    domain.cache.wait(1)

    assert domain.get("/a.mp4", method="HEAD").headers["cf-cache-status"] == "HIT"
    assert len([1 for record in domain.b2.requests if "range" not in record.headers]) == 1


class Broken(Listener):
    """A B2 that breaks off in the midst of an object."""

    def handle(self, request: Relay) -> None:
        request.close_connection = True
        headers = [("Cache-Control", "public, max-age=60"), ("ETag", '"0"')]
        request.say(200, b"half", "image/png", headers, length="8")


def test_half_an_image_is_not_kept() -> None:
    with (
        Broken() as b2,
        WorkerCache() as cache,
        Workerd(
            variables(), entry=ENTRY, outbound="{}:{}".format(*b2.address), cache="{}:{}".format(*cache.address)
        ) as worker,
    ):
        with pytest.raises(Exception, match="IncompleteRead"):
            Endpoint(worker.port).send("GET", PATH)

        assert cache.wait(1) == []
        assert cache.puts == 1
