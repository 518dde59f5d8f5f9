"""`bowerbird list` and `bowerbird delete`."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import click

from .. import settings
from ..catalog.records import Upload
from ..errors import NotFound
from ..facts import facts
from ..search import Sort, parse
from .wiring import open_catalog, open_jobs

_PAGE = 200


@click.command("list")
@click.argument("search", nargs=-1)
@click.option("--sort", type=click.Choice(list(Sort)), default=Sort.NEWEST, show_default=True)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each, for machines.")
def list_(search: tuple[str, ...], sort: Sort, limit: int, as_json: bool) -> None:
    """Print one line for each upload that SEARCH finds: address, size, date, title or file name.

    SEARCH is words that begin words of title, file name or tags, and filters: tag:, type:, since:, until:, on:,
    larger:, smaller:, is:favourite.

    \b
    Example:
      bowerbird list cat type:png since:2026-01-01 --sort largest
    """
    chosen = settings.load()
    catalog, now = open_catalog(chosen), datetime.now(UTC)
    query, after, left = replace(parse(" ".join(search)), sort=Sort(sort)), None, limit
    while left:
        page = catalog.library.page(query, now=now, limit=min(left, _PAGE), after=after)
        for row in page.uploads:
            click.echo(_json(chosen.public_url, row) if as_json else _line(chosen.public_url, row))
        after, left = page.next, left - len(page.uploads)
        if after is None:
            return


@click.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
def delete(keys: tuple[str, ...]) -> None:
    """Delete uploads for good: a KEY is the last part of an address, or the whole address.

    The object goes, and the edge is told; what the store or the edge does not take now the worker ends.

    \b
    Example:
      bowerbird delete k7Wq3Zpa.png
    """
    chosen = settings.load()
    named = [key.removeprefix(f"{chosen.public_url}/") for key in keys]
    with closing(open_jobs(chosen, open_catalog(chosen))) as opened:
        unknown = [key for key in named if opened.uploads.find(key) is None]
        if unknown:
            raise NotFound(f"there is no upload {unknown[0][:80]!r}; nothing was deleted")
        opened.uploads.delete_all(named)
    click.echo(f"deleted {len(named)}", err=True)


def _line(public_url: str, row: Upload) -> str:
    name = row.title or row.file_name or ""
    return f"{public_url}/{quote(row.key)}\t{row.size}\t{row.created_at:%Y-%m-%d %H:%M}\t{name}".rstrip()


def _json(public_url: str, row: Upload) -> str:
    told = facts(row, public_url) | {
        "created_at": row.created_at.isoformat(),
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
        "title": row.title,
        "file_name": row.file_name,
        "tags": list(row.tags),
        "favourite": row.is_favourite,
    }
    return json.dumps(told, ensure_ascii=False)
