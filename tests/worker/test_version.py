"""Which version of the signing proxy answers: told every time, whoever asks."""

import json

import pytest

from app import __version__
from tests.b2 import Fault
from tests.worker.conftest import Proxy
from tests.worker.requests import BUCKET, Answer
from tests.workerd import WORKER

TARGET = f"/{BUCKET}/k7Wq3Zp.png"


def _stored(proxy: Proxy) -> Answer:
    return proxy.signed("PUT", TARGET, b"bytes")


def _missing(proxy: Proxy) -> Answer:
    return proxy.signed("HEAD", TARGET)


def _unsigned(proxy: Proxy) -> Answer:
    return proxy.send("GET", TARGET)


def _of_its_own(proxy: Proxy) -> Answer:
    return proxy.signed("GET", f"/{BUCKET}?location=")


def _refused_by_b2(proxy: Proxy) -> Answer:
    proxy.b2.faults.add(Fault("cap"))
    return proxy.signed("PUT", TARGET, b"bytes")


def _forwarded_in_vain(proxy: Proxy) -> Answer:
    proxy.b2.faults.add(Fault("html", times=4))
    return proxy.signed("GET", TARGET)


@pytest.mark.parametrize(
    ("ask", "status"),
    [(_stored, 200), (_missing, 404), (_unsigned, 403), (_of_its_own, 200), (_refused_by_b2, 403),
     (_forwarded_in_vain, 503)],
)  # fmt: skip
def test_every_answer_tells_the_version_of_the_proxy(proxy: Proxy, ask, status: int) -> None:
    answer = ask(proxy)

    assert (answer.status, answer.headers["x-bowerbird-proxy"]) == (status, __version__)


def test_a_proxy_that_is_not_set_up_tells_it_too(make_proxy) -> None:
    answer = make_proxy(B2_ENDPOINT="").send("GET", TARGET)

    assert (answer.status, answer.headers["x-bowerbird-proxy"]) == (500, __version__)


def test_the_package_has_the_same_version() -> None:
    assert json.loads((WORKER / "package.json").read_text())["version"] == __version__
