"""The statistics: a page without a script, CSV, JSON."""

import csv
import io
import re

import pytest

from tests.conftest import OWNER, UPLOADER
from tests.web.test_pages import sign_in, upload


@pytest.fixture
def owner(client):
    sign_in(client)
    return client


def test_the_page_draws_each_day_and_has_the_numbers_beneath(owner, app):
    day = app.extensions["bowerbird"].uploads.clock().date().isoformat()
    upload(owner)

    page = owner.get("/statistics").text

    assert page.count("<rect") == 2  # uploads and bytes of the one day
    assert re.search(rf'<th scope="row">{day}</th><td>1</td>', page)
    assert 'role="img" aria-labelledby="uploads-title uploads-desc"' in page and "<desc" in page
    assert "<script>" not in page and "style=" not in page
    assert "laptop" in page and "image/png" in page


@pytest.mark.parametrize("days", [30, 90, 365])
def test_a_period_is_chosen(owner, days):
    page = owner.get(f"/statistics?days={days}").text

    assert f'viewBox="0 0 {days * 10} 100"' in page
    assert f'href="/statistics?days={days}" aria-current="page"' in page


def test_csv_is_downloaded(owner):
    body = upload(owner)

    answer = owner.get("/statistics.csv?by=type")
    days = list(csv.reader(io.StringIO(owner.get("/statistics.csv?by=day&days=90").text)))

    assert answer.headers["Content-Disposition"] == 'attachment; filename="uploads-by-type.csv"'
    assert answer.text == f"type,uploads,bytes\r\nimage/png,1,{body['size']}\r\n"
    assert len(days) == 91 and days[-1][1] == "1"


@pytest.mark.parametrize("path", ["/statistics?days=31", "/statistics?days=x", "/statistics.csv?by=owner"])
def test_what_makes_no_sense_is_refused(owner, path):
    assert owner.get(path).status_code == 400


@pytest.mark.parametrize("path", ["/statistics", "/statistics.csv?by=token"])
def test_nobody_else_sees_it(client, path):
    assert client.get(path).headers["Location"].startswith("/login")


def test_programs_read_json(client):
    body = upload(client)
    headers = {"Authorization": f"Bearer {OWNER}"}

    found = client.get("/api/stats", headers=headers).json
    old = client.get("/api/stats?from=2020-01-01&to=2020-01-02", headers=headers).json

    assert (found["stored"], found["size"]) == (1, body["size"])
    assert found["by_type"] == [{"name": "image/png", "count": 1, "size": body["size"]}]
    assert found["by_token"][0]["name"] == "laptop"
    assert len(found["by_day"]) == 30 and found["by_day"][-1]["count"] == 1
    assert [one["name"] for one in old["by_day"]] == ["2020-01-01", "2020-01-02"]
    assert set(found["bill"]) == {"storage", "b", "c", "total"} and set(found["month"]) == {"A", "B", "C"}


@pytest.mark.parametrize(
    ("query", "token", "status"),
    [("?from=2010-01-01", OWNER, 400), ("?from=x", OWNER, 400), ("", UPLOADER, 403), ("", "wrong", 401)],
)
def test_programs_are_refused_in_the_one_shape(client, query, token, status):
    answer = client.get(f"/api/stats{query}", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == status and set(answer.json) == {"error", "code", "request_id"}
