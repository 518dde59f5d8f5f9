"""Around a Worker: bodies are bounded however they come, and what has no length does not go out."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from tests.b2.tls import make_certificate
from tests.edge import Egress, Ingress
from tests.edge.relay import Listener, Relay
from tests.worker.requests import Endpoint

CHUNKED = {"transfer-encoding": "chunked"}


class Server(Listener):
    """Whatever is asked: keeps the headers and the body of each request, and answers 200."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[dict[str, str], bytes]] = []

    def handle(self, request: Relay) -> None:
        body = b"".join(request.body())
        self.asked.append(({name.lower(): value for name, value in request.headers.items()}, body))
        request.say(200, b"", "text/plain")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


def _framed(*pieces: bytes) -> Iterable[bytes]:
    return [*(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces), b"0\r\n\r\n"]


@pytest.mark.parametrize("size", [99, 100])
def test_a_body_in_chunks_reaches_a_worker_as_it_came(server: Server, size: int) -> None:
    with Ingress(server.address, max_body=100) as ingress:
        answer = Endpoint(ingress.port).send("PUT", "/a", CHUNKED, _framed(b"x" * 60, b"y" * (size - 60)))

    ((headers, body),) = server.asked
    assert (answer.status, body) == (200, b"x" * 60 + b"y" * (size - 60))
    assert (headers["transfer-encoding"], headers.get("content-length")) == ("chunked", None)


@pytest.mark.parametrize(
    ("headers", "body"), [(CHUNKED, _framed(b"x" * 60, b"y" * 41)), ({"content-length": "101"}, [])]
)
def test_a_body_over_the_limit_never_reaches_a_worker(
    server: Server, headers: dict[str, str], body: Iterable[bytes]
) -> None:
    with Ingress(server.address, max_body=100) as ingress:
        answer = Endpoint(ingress.port).send("PUT", "/a", headers, body)

    assert (answer.status, answer.headers["content-type"]) == (413, "text/html")
    assert server.asked == []


def test_a_body_without_a_length_does_not_leave_a_worker(server: Server) -> None:
    with Egress({"b2.example.com": server.address}) as egress:
        headers = {"host": "b2.example.com", **CHUNKED}
        Endpoint(egress.port).send("PUT", "https://b2.example.com/a", headers, _framed(b"bytes"))

    ((headers, body),) = server.asked
    assert body == b""
    assert not {"transfer-encoding", "content-length"} & set(headers)


def test_over_tls_boto3_sends_what_it_never_sends_without(server: Server, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with Ingress(server.address, tls=certificate) as ingress:
        client = boto3.client(
            "s3", endpoint_url=ingress.url, region_name="us-west-004", verify=str(certificate[0]),
            aws_access_key_id="a", aws_secret_access_key="b", config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip
        client.put_object(Bucket="pics", Key="a.png", Body=b"bytes")
        client.close()

    ((headers, body),) = server.asked
    assert (headers["transfer-encoding"], headers.get("content-length")) == ("chunked", None)
    assert headers["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert body.startswith(b"5\r\nbytes\r\n0\r\nx-amz-checksum-crc32:")
