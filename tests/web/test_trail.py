"""A request's id: whose word is taken for it, and where it is told."""

import json

import pytest

RAY, GIVEN = "8f00ba4b0c00-AMS", "from.the-proxy_1"


@pytest.mark.parametrize(
    ("trusted", "headers", "told"),
    [
        (1, {"X-Request-ID": GIVEN}, GIVEN),
        (1, {"CF-Ray": RAY}, RAY),
        (1, {"CF-Ray": RAY, "X-Request-ID": GIVEN}, GIVEN),
        (1, {"CF-Ray": RAY, "X-Request-ID": 'x"} {"event": "forged"'}, RAY),
        (1, {"X-Request-ID": "short"}, None),
        (1, {"X-Request-ID": "x" * 65}, None),
        (0, {"X-Request-ID": GIVEN, "CF-Ray": RAY}, None),
    ],
)
def test_the_id_is_that_of_a_trusted_proxy_if_it_is_one_and_else_our_own(make_app, trusted, headers, told):
    client = make_app(trusted_proxies=trusted).test_client()

    ids = [client.get("/healthz", headers=headers).headers["X-Request-ID"] for _ in range(2)]

    assert ids == [told, told] if told else len(set(ids)) == 2 and all(len(one) == 16 for one in ids)


def test_an_error_tells_its_id_in_json_and_on_a_page(client):
    answer = client.get("/api/nothing")
    page = client.get("/nothing", headers={"Accept": "text/html"})

    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert page.headers["X-Request-ID"] in page.text


def test_an_error_that_nobody_has_foreseen_is_one_line_with_its_id(app, client, monkeypatch, capfd):
    monkeypatch.setattr(app.extensions["bowerbird"].catalog, "ping", lambda: 1 / 0)

    answer = client.get("/readyz")

    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    [failed] = [one for one in lines if one["event"] == "failed"]
    assert failed["request_id"] == answer.json["request_id"] and "ZeroDivisionError" in failed["exception"]
    assert answer.status_code == 500
