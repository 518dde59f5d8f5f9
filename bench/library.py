"""What a page of the library costs beside a small one: the same pages over 1,000 rows and over a million, as ratios.

python -m bench.library [--rows 1000000] [--postgresql]
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, text

from app import create_app, tokens
from app.catalog.schema import uploads
from app.paging import Cursor, encode
from app.settings import load
from tests.postgres import server

FEW, BATCH, ROUNDS = 1000, 1000, 25
SPAN = timedelta(days=3 * 365)
SECRET = "bb_bench-bench-bench-bench-bench"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TYPES = (("png", "image/png"), ("jpg", "image/jpeg"), ("gif", "image/gif"), ("webp", "image/webp"))
WORDS = [f"w{number}x" for number in range(2000)]
TAGS = [f"tag{number}" for number in range(50)]


def rows(count, chance):
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


def library(folder, url, count):
    """Return a client of an app over a catalog of `count` uploads."""
    app = create_app(load(_env_file=None, data_dir=folder, database_url=url))
    catalog = app.extensions["bowerbird"].catalog
    scopes = frozenset(tokens.SCOPES)
    catalog.tokens.add("bench", tokens.digest(SECRET), scopes, created_at=datetime.now(UTC))
    chance, batch, started = random.Random(1), [], time.monotonic()
    for row in rows(count, chance):
        batch.append(row)
        if len(batch) == BATCH:
            with catalog._database.write() as connection:
                fill(connection, batch)
            batch = []
    with catalog._database.write() as connection:
        connection.execute(text("ANALYZE"))
    print(f"{count:,} rows: {(time.monotonic() - started) / count * 1e6:.0f} µs each", flush=True)
    return app.test_client()


def fill(connection, batch):
    """Insert rows the quick way: the time goes to the database, not to the driver."""
    if connection.dialect.name == "sqlite":
        connection.execute(insert(uploads), batch)
        return
    names = list(batch[0])
    command = f"COPY uploads ({', '.join(names)}) FROM STDIN"
    with connection.connection.driver_connection.cursor() as cursor, cursor.copy(command) as copy:
        for row in batch:
            copy.write_row([json.dumps(row[name]) if name == "tags" else row[name] for name in names])


def pages(count):
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


def seconds(client, path):
    """Return how long one answer takes."""
    started = time.perf_counter()
    answer = client.get(path, headers={"Authorization": f"Bearer {SECRET}"} if path.startswith("/api") else {})
    assert answer.status_code == 200, (path, answer.status_code, answer.get_data(as_text=True)[:200])
    return time.perf_counter() - started


def main():
    """Print a line for each page: medians of interleaved rounds, and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        clients = []
        for count in (FEW, chosen.rows):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = stack.enter_context(server()) if chosen.postgresql else ""
            client = library(folder, url, count)
            client.post("/login", data={"token": SECRET})
            clients.append((client, pages(count)))
        print(f"\n| page | {FEW:,} rows | {chosen.rows:,} rows | ratio |\n|---|---|---|---|")
        for name in pages(FEW):
            taken = [[], []]
            for _ in range(ROUNDS):
                for (client, paths), times in zip(clients, taken, strict=True):
                    times.append(seconds(client, paths[name]))
            few, many = (statistics.median(times) * 1000 for times in taken)
            print(f"| {name} | {few:.1f} ms | {many:.1f} ms | {many / few:.2f} |", flush=True)


if __name__ == "__main__":
    main()
