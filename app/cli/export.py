"""`bowerbird export`."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from pathlib import Path

import click

from .. import settings
from ..export import Export, Exported, FolderPlace, Place, open_zip
from ..search import day, parse
from ..settings import Settings
from .wiring import open_catalog, open_jobs

PROGRESS_S = 5.0


@click.command("export")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--tag", "tags", multiple=True, help="Only what has this tag; may be given several times.")
@click.option("--since", metavar="DATE", help="Only what is of this day or later, such as 2026-11-25.")
@click.option("--search", "text", default="", help="Only what this search finds, such as 'is:favourite type:png'.")
def export(target: Path, tags: tuple[str, ...], since: str | None, text: str) -> None:
    """Write the images to a folder, or to a zip file if TARGET ends in .zip, beside each a JSON with all that is known
    of it. `bowerbird import` takes such a folder back: titles, tags, albums, dates, and addresses where they are free.

    A folder may be there already: what is in it as it should be is not fetched again. In the cloud each download is
    one class B transaction. Ends with 1 if an image could not be written.

    \b
    Example:
      bowerbird export holiday.zip --tag sea --since 2026-07-01
    """
    chosen = settings.load()
    query = parse(text)
    query = replace(query, tags=(*query.tags, *(tag.strip().lower() for tag in tags)))
    if since:
        query = replace(query, since=day(since))
    catalog = open_catalog(chosen)
    with closing(open_jobs(chosen, catalog)) as opened:
        exporting = Export(chosen, catalog, opened.store, opened.uploads)
        count, size = exporting.size(query)
        click.echo(f"{count:,} images, {size:,} bytes{_cost(chosen)}", err=True)
        with _place(target) as place:
            wrong = _follow(exporting.run(query, place), count)
    if wrong:
        raise SystemExit(1)


def _cost(chosen: Settings) -> str:
    return "; one class B transaction for each that is fetched" if chosen.store == "s3" else ""


def _place(target: Path) -> AbstractContextManager[Place]:
    return open_zip(target) if target.suffix.lower() == ".zip" else nullcontext(FolderPlace(target))


def _follow(done: Iterator[Exported], count: int) -> int:
    """Tell what happens, and return how many could not be written."""
    new = old = wrong = 0
    told_at = time.monotonic()
    for one in done:
        if one.why:
            wrong += 1
            click.echo(f"not written {one.row.key}: {one.why}", err=True)
        new, old = new + one.is_new, old + (not one.is_new and not one.why)
        if time.monotonic() - told_at >= PROGRESS_S:
            told_at = time.monotonic()
            click.echo(f"{new + old + wrong:,} of {count:,}", err=True)
    click.echo(f"written {new:,}, already there {old:,}, not written {wrong:,}")
    return wrong
