"""/metrics: what is told, and to whom."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import __version__, tokens
from tests import samples
from tests.conftest import OWNER, UPLOADER

READER = "bb_metrics-token-of-the-tests-0123456789"
HERE, ELSEWHERE = {"REMOTE_ADDR": "127.0.0.1"}, {"REMOTE_ADDR": "192.0.2.7"}


def read(client):
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name.removeprefix("bowerbird_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_there_is_is_told_in_prometheus_words(client, app):
    parts = app.extensions["bowerbird"]
    for kind in ("png", "gif"):
        client.post("/api/upload", data=samples.make(kind), headers={"Authorization": f"Bearer {UPLOADER}"})
    parts.catalog.transactions.add({"A": 3}, day=parts.uploads.clock().date() - timedelta(days=400))
    parts.catalog.transactions.add({"A": 4}, day=parts.uploads.clock().date())
    parts.catalog.jobs.failed("deletions", "no", now=parts.uploads.clock())
    parts.catalog.jobs.succeeded("expiry", now=parts.uploads.clock() - timedelta(seconds=90))

    found = read(client)

    assert client.get("/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert found["uploads", "image/png"] == 1
    assert found["upload_bytes", "image/gif"] == len(samples.make("gif"))
    assert (found["stored_objects",], found["tokens",], found["build_info", __version__]) == (2, 2, 1)
    assert (found["transactions_total", "A"], found["transactions_total", "C"]) == (7, 0)
    assert (found["job_queued", "thumbnails"], found["job_failures", "deletions"]) == (2, 1)
    assert 90 <= found["job_success_age_seconds", "expiry"] < 120
    assert ("worker_age_seconds",) not in found


@pytest.mark.parametrize("secret", [OWNER, READER])
def test_a_token_that_may_reads_it_from_anywhere(client, app, secret):
    parts = app.extensions["bowerbird"]
    parts.catalog.tokens.add("p", tokens.digest(READER), frozenset({"metrics"}), created_at=parts.uploads.clock())

    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/metrics", headers=headers, environ_base=ELSEWHERE).status_code == 200
    assert client.post("/api/upload", data=samples.make("png"), headers=headers).status_code == (
        201 if secret == OWNER else 403
    )


@pytest.mark.parametrize(
    ("headers", "environ", "status"),
    [
        ({}, ELSEWHERE, 401),
        ({}, {"REMOTE_ADDR": ""}, 401),
        ({"Authorization": f"Bearer {UPLOADER}"}, HERE, 403),
        ({"Authorization": "Bearer wrong"}, HERE, 401),
        ({"X-Forwarded-For": "127.0.0.1"}, HERE, 401),
        ({"CF-Connecting-IP": "127.0.0.1"}, HERE, 401),
        ({"Forwarded": "for=127.0.0.1"}, HERE, 401),
        ({"Host": "up.example.com"}, HERE, 401),
        ({"Host": "127.0.0.1.example.com"}, HERE, 401),
        ({"Host": "127.0.0.1:8080", "Accept": "text/html"}, ELSEWHERE, 401),
    ],
)
def test_nobody_else_reads_it(client, headers, environ, status):
    answer = client.get("/metrics", headers=headers, environ_base=environ)

    assert answer.status_code == status
    assert set(answer.json) == {"error", "code", "request_id"}


def test_what_nginx_passes_on_unasked_is_not_of_this_machine(client):
    answer = client.get("/metrics", environ_base=HERE, environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"})

    assert answer.status_code == 401


def test_behind_a_proxy_no_address_is_trusted(make_app):
    client = make_app(trusted_proxies=1).test_client()

    assert client.get("/metrics", environ_base=HERE).status_code == 401
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}, environ_base=HERE).status_code == 401
