"""What a page of the library costs over many rows beside the same page over a thousand."""

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Connection, insert, text

from app import create_app, tokens
from app.catalog.schema import uploads
from app.paging import Cursor, encode
from app.settings import load
from bench.figures import ratios, spread
from bench.report import Column, Measure, spreading
from tests.postgres import server

FEW, BATCH = 1000, 1000
ASKED = 5  # times in a row; the median counts for the round
SPAN = timedelta(days=3 * 365)
SECRET = "bb_bench-bench-bench-bench-bench"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TYPES = (("png", "image/png"), ("jpg", "image/jpeg"), ("gif", "image/gif"), ("webp", "image/webp"))
WORDS = [f"w{number}x" for number in range(2000)]
TAGS = [f"tag{number}" for number in range(50)]
COLUMNS = (
    Column("page", "page"),
    Column("over 1,000 rows, ms", "few_ms", spreading(2)),
    Column("over so many rows", "rows", lambda count: f"{count:,}"),
    Column("ms", "many_ms", spreading(2)),
    Column("ratio", "ratio", spreading(2)),
)
HOW = f"""The app in one process, without a network, over {{kind}}; medians of {{rounds}} rounds, least and most in
brackets; in each round each page is asked for {ASKED} times over each catalog, and the ratio is taken within it. The
gallery's page holds its first 48 images."""


def rows(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Yield rows as a few years of screenshots leave them: frequent and rare words, tags and types."""
    for number in range(count):
        extension, content_type = chance.choices(TYPES, (80, 14, 4, 2))[0]
        words = [WORDS[int(2000 * chance.random() ** 3)] for _ in range(3)]
        yield {
            "key": f"k{number:07}.{extension}",
            "state": "live",
            "content_type": content_type,
            "size": int(chance.lognormvariate(11, 1)),
            "width": 1920,
            "height": 1080,
            "sha256": f"{number:064x}",
            "created_at": NOW - SPAN * (1 - number / count),
            "deletion_digest": f"{number:064x}",
            "token_id": 1,
            "writer": "bench",
            "file_name": f"Screenshot_{number:07}.{extension}",
            "title": " ".join(words),
            "tags": list({TAGS[int(50 * chance.random() ** 2)] for _ in range(chance.randrange(3))}),
            "thumbnail": "made",
            "color": "#336699",
        }


@dataclass(frozen=True, slots=True)
class Library:
    """An app over a catalog of `count` uploads, and a client of it that is signed in."""

    count: int
    client: FlaskClient


def library(folder: Path, url: str, count: int) -> Library:
    """Return an app over a new catalog of `count` uploads at `url`, or in the folder."""
    app = create_app(load(_env_file=None, data_dir=folder, database_url=url))
    catalog = app.extensions["bowerbird"].catalog
    scopes = frozenset(tokens.SCOPES)
    catalog.tokens.add("bench", tokens.digest(SECRET), scopes, created_at=datetime.now(UTC))
    made = rows(count, random.Random(1))
    for _ in range(0, count, BATCH):
        with catalog._database.write() as connection:
            fill(connection, [row for row, _ in zip(made, range(BATCH), strict=False)])
    with catalog._database.write() as connection:
        connection.execute(text("ANALYZE"))
    client = app.test_client()
    client.post("/login", data={"token": SECRET})
    return Library(count, client)


def fill(connection: Connection, batch: Sequence[dict[str, Any]]) -> None:
    """Insert rows the quick way: the time goes to the database, not to the driver."""
    if connection.dialect.name == "sqlite":
        connection.execute(insert(uploads), batch)
        return
    names = list(batch[0])
    command = f"COPY uploads ({', '.join(names)}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(command) as copy:
        for row in batch:
            copy.write_row([json.dumps(row[name]) if name == "tags" else row[name] for name in names])


def pages(count: int) -> dict[str, str]:
    """Return the addresses that are compared, by name; each for a library of `count` rows."""
    middle = encode(Cursor(NOW - SPAN / 2, "k"))
    end = encode(Cursor(NOW - SPAN * ((count - 100) / count), "k"))
    return {
        "first page": "/api/uploads?limit=48",
        "middle page": f"/api/uploads?limit=48&cursor={middle}",
        "last pages": f"/api/uploads?limit=48&cursor={end}",
        "largest first": "/api/uploads?limit=48&sort=largest",
        "search, a word of all": "/api/uploads?limit=48&q=screenshot",
        "search, its beginning": "/api/uploads?limit=48&q=scr",
        "search, middle page": f"/api/uploads?limit=48&q=screenshot&cursor={middle}",
        "search, a frequent word": "/api/uploads?limit=48&q=w0x",
        "search, a rarer word": "/api/uploads?limit=48&q=w1500x",
        "search, two words": "/api/uploads?limit=48&q=w0x+w1x",
        "search, one upload": f"/api/uploads?limit=48&q={count // 2:07}",
        "search, nothing": "/api/uploads?limit=48&q=nothing",
        "search in a type": "/api/uploads?limit=48&q=screenshot+type:gif",
        "tag, frequent": "/api/uploads?limit=48&tag=tag0",
        "tag, rarer": "/api/uploads?limit=48&tag=tag49",
        "two tags": "/api/uploads?limit=48&tag=tag0&tag=tag20",
        "type": "/api/uploads?limit=48&q=type:webp",
        "a year": "/api/uploads?limit=48&q=on:2025",
        "gallery": "/gallery",
        "gallery, tag": "/gallery?tag=tag0",
        "gallery, search": "/gallery?q=screenshot",
        "statistics": "/statistics",
        "stats": "/api/stats",
        "metrics": "/metrics",
        "settings": "/settings",
    }


def measure(*, many: int, rounds: int, postgresql: bool = False) -> Measure:
    """Measure each page over a thousand rows and over `many`."""
    kind = "PostgreSQL" if postgresql else "SQLite"
    found = Measure("library", "Pages of the library", HOW.format(kind=kind, rounds=rounds), COLUMNS)
    with ExitStack() as stack:
        libraries = []
        for count in (FEW, many):
            print(f"library: a catalog of {count:,} rows", file=sys.stderr)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            url = stack.enter_context(server()) if postgresql else ""
            libraries.append(library(folder, url, count))
        for name in pages(FEW):
            found.rows.append(_row(name, libraries, rounds))
    return found


def _row(name: str, libraries: Sequence[Library], rounds: int) -> dict[str, Any]:
    taken: list[list[float]] = [[] for _ in libraries]
    for _ in range(rounds):
        for one, times in zip(libraries, taken, strict=True):
            path = pages(one.count)[name]
            times.append(statistics.median(_seconds(one.client, path) for _ in range(ASKED)) * 1000)
    few, many = taken
    found = {"few_ms": spread(few), "many_ms": spread(many), "ratio": ratios(many, few)}
    return {"page": name, "rows": libraries[-1].count} | found


def _seconds(client: FlaskClient, path: str) -> float:
    """Return how long one answer takes."""
    started = time.perf_counter()
    answer = client.get(path, headers={"Authorization": f"Bearer {SECRET}"} if path.startswith("/api") else {})
    took_s = time.perf_counter() - started
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.get_data(as_text=True)[:200]}")
    return took_s
