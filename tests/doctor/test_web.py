"""The doctor's own HTTP: what it sends, and how it tells failures apart."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.doctor import web as module
from app.doctor.web import Step, Unreachable, Web, look_up
from tests.conftest import free_port
from tests.doctor.chain import Front
from tests.edge.relay import Listener, Relay


class Echo(Listener):
    """Says what came."""

    def handle(self, request: Relay) -> None:
        body = b"".join(request.body())
        said = f"{request.command} {request.path} {request.headers['host']} ".encode() + body
        request.say(302, said, "text/plain", [("Location", "/elsewhere"), ("X-Many", "1")])


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as started:
        yield started


@pytest.mark.parametrize("path", ["/a.png", "/%2e%2e/b", "/..%2fb", "/x/../../b", "/a?b2ContentType=text%2Fhtml", ""])
def test_a_target_goes_out_as_it_stands_and_no_redirect_is_followed(echo: Echo, path: str) -> None:
    answer = Web().get(f"{echo.url}{path}")

    assert answer.status == 302
    method, target, host = answer.text.split()
    assert (method, target.lower(), host) == ("GET", (path or "/").lower(), echo.url.removeprefix("http://"))
    assert answer.headers["x-many"] == "1"


def test_a_body_is_sent_with_its_headers(echo: Echo) -> None:
    assert Web().ask("POST", f"{echo.url}/hook", {"X-A": "1"}, b"bytes").text.endswith(" bytes")


def test_tls_is_held_to_the_name_that_was_asked_for(echo: Echo, tmp_path: Path) -> None:
    with Front(tmp_path / "tls", ("i.example.com",), echo.address) as front:
        trusting = Web(resolve=lambda *_: [front.address], ca_bundle=front.certificate)
        strict = Web(resolve=lambda *_: [front.address])

        assert "i.example.com" in trusting.get("https://i.example.com/a.png").text
        for web, url in ((trusting, "https://j.example.com/"), (strict, "https://i.example.com/")):
            with pytest.raises(Unreachable) as failed:
                web.get(url)
            assert failed.value.step is Step.TLS


def test_a_connection_that_is_refused_is_not_the_end_while_there_is_another_address(echo: Echo) -> None:
    closed = ("127.0.0.1", free_port())

    assert Web(resolve=lambda *_: [closed, echo.address]).get("http://i.example.com/").status == 302
    with pytest.raises(Unreachable) as failed:
        Web(resolve=lambda *_: [closed]).get("http://i.example.com/")
    assert (failed.value.step, "refused" in failed.value.why) == (Step.CONNECTION, True)


def test_who_does_not_answer_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="did not answer") as failed:
        Web().get(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert failed.value.step is Step.ANSWER


def test_a_name_that_has_no_address_or_none_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> list:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(Unreachable, match="Name or service not known") as failed:
        look_up("i.example.com", 443)
    assert failed.value.step is Step.NAME

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(Unreachable, match="was not told within"):
        look_up("i.example.com", 443)


def test_this_machine_has_an_address() -> None:
    assert look_up("127.0.0.1", 80) == [("127.0.0.1", 80)]
