"""Names, titles, tags and albums full of markup and odd letters: shown as text on every page, and no script runs."""

import csv
import io
import json
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest

from app import tokens
from app.catalog import Catalog
from app.catalog.records import MAX_TAG, MAX_TITLE
from tests.conftest import Server
from tests.e2e.conftest import OpenPage
from tests.samples import make

SCRIPT = '"><img src=x onerror="window.ran=1"><script>window.ran=1</script>'
WORDS = (
    SCRIPT,
    "</title></textarea></script><svg onload=window.ran=1>",
    "javascript:window.ran=1//${window.ran=1}{{constructor.constructor('window.ran=1')()}}",
    '=HYPERLINK("http://127.0.0.1/","a")',
    "\u202egnp.exe\u2066 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 a\u0300\u0301\u0302",
    "w" * 200,
)


def ask(server: Server, method: str, path: str, body: Any = None, **headers: str) -> Any:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers, "Authorization": f"Bearer {server.token}"}
    request = urllib.request.Request(f"{server.url}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def uploads(live_server: Server) -> list[dict[str, Any]]:
    """One upload for each of the words, which are its name, its title and its tag."""
    made = []
    for seed, words in enumerate(WORDS, 4100):
        query = urllib.parse.urlencode({"title": words[:MAX_TITLE], "tags": words.replace(",", "")[:MAX_TAG]})
        path = f"/api/upload/{urllib.parse.quote(words, safe='')}?{query}"
        made.append(ask(live_server, "PUT", path, make("png", seed=seed)))
    catalog, now = Catalog(f"sqlite:///{live_server.data_dir / 'catalog.sqlite3'}"), datetime.now(UTC)
    for words in WORDS:
        catalog.albums.make(words[:60], now=now)
        catalog.tokens.add(words[:60], tokens.digest(words), frozenset({"upload"}), created_at=now)
    catalog.close()
    return made


def test_every_page_shows_them_as_text_and_runs_nothing(open_page: OpenPage, live_server: Server, uploads):
    keys = [one["key"] for one in uploads]
    pages = ["/gallery", "/statistics", "/settings", "/albums", f"/gallery?q={urllib.parse.quote(SCRIPT)}"]
    page = open_page("/gallery", script="window.ran = 0; window.alert = () => { window.ran = 2; };")

    for path in [
        *pages,
        *(f"/gallery/{key}" for key in keys),
        *(urllib.parse.urlsplit(one["deletion_url"]).path for one in uploads),
    ]:
        page.goto(f"{live_server.url}{path}")
        page.wait_for_load_state("load")

        assert page.evaluate("window.ran") == 0, path
        assert page.locator("img[src=x], svg[onload], [onerror]").count() == 0, path
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    page.goto(f"{live_server.url}/gallery")
    assert all(page.locator(f"[data-key='{key}']").count() for key in keys)
    page.goto(f"{live_server.url}/gallery/{keys[0]}")
    assert page.locator("[name=title]").first.input_value() == SCRIPT
    rows = csv.reader(io.StringIO(page.request.get(f"{live_server.url}/statistics.csv?by=token").text()))
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@")]
