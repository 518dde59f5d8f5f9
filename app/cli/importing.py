"""`bowerbird import`."""

import csv
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from .. import settings
from ..errors import BadRequest
from ..fetching import Fetcher
from ..importing import chibisafe, xbackbone, zipline
from ..importing.files import open_files
from ..importing.folder import read_folder
from ..importing.incoming import Source
from ..importing.run import Deed, Importing, Outcome
from ..importing.urls import read_urls
from .wiring import open_catalog, open_jobs

PROGRESS_S = 5.0
HOSTS = (zipline.NAME, chibisafe.NAME, xbackbone.NAME)


@click.command("import")
@click.argument("source")
@click.argument("database", required=False)
@click.option("--files", metavar="DIR|URL", help="Where the files of the other host are.")
@click.option("--user", metavar="NAME", help="Take this user's files alone.")
@click.option("--protected", "with_protected", is_flag=True, help="Take also what is hidden or has a password there.")
@click.option("-r/-R", "--recursive/--no-recursive", "is_recursive", default=True, help="Folders in the folder too.")
@click.option("--jobs", type=click.IntRange(1, 32), default=2, show_default=True, help="So many at a time.")
@click.option(
    "--map", "map_path", type=click.Path(path_type=Path), metavar="FILE.csv", help="Write old and new address."
)
@click.option("--keep-metadata", is_flag=True, help="Leave EXIF and the like in the images.")
@click.option("--again", "is_again", is_flag=True, help="Take anew what was imported before and is deleted since.")
@click.option("--allow-private", is_flag=True, help="Download from private and loopback addresses too.")
@click.option("--dry-run", is_flag=True, help="Say what would be taken, and take nothing.")
def import_(source: str, database: str | None, **given: Any) -> None:
    """Take over images: from a folder, from a list of addresses (a text file, one a line), or from another image host.

    SOURCE is the folder, the list, or `zipline`, `chibisafe` or `xbackbone`: then DATABASE is the host's database (of
    Zipline its postgresql:// address, a plain dump or an export in JSON) and --files says where its files are. Each
    image takes the way of an upload and gets a new address; what the source knows of it stays. Interrupted and run
    again, it goes on: nothing comes twice. Ends with 1 if something was refused.

    \b
    Example:
      bowerbird import ~/Pictures/Screenshots --map moved.csv
      bowerbird import zipline dump.sql --files /srv/zipline/uploads
    """
    chosen = settings.load()
    opened = _open(source, database, given)
    catalog = open_catalog(chosen)
    with closing(open_jobs(chosen, catalog, decoders=given["jobs"])) as jobs:
        if not given["dry_run"]:
            jobs.upkeep.reconcile()  # what an import that was killed has left
        importing = Importing(
            chosen,
            catalog,
            jobs.uploads,
            jobs=given["jobs"],
            is_again=given["is_again"],
            keep_metadata=given["keep_metadata"],
        )
        with _map(given["map_path"], chosen.public_url) as note:
            counts = _follow(importing.run(opened, is_trial=given["dry_run"]), note, is_trial=given["dry_run"])
    if counts[Deed.REFUSED]:
        raise SystemExit(1)


def _open(source: str, database: str | None, given: dict[str, Any]) -> Source:
    fetcher = Fetcher(allow_private=given["allow_private"])
    if source not in HOSTS:
        if database or given["files"] or given["user"]:
            raise click.UsageError(f"DATABASE, --files and --user go with {', '.join(HOSTS)}")
        path = Path(source)
        if path.is_dir():
            return read_folder(path, is_recursive=given["is_recursive"])
        if not path.exists():
            raise BadRequest(f"{source} is not there; a list of addresses is a text file")
        return read_urls(path, fetcher)
    if not database or not given["files"]:
        raise click.UsageError(f"give the database of {source}, and --files: the folder or the address of its files")
    files, user, with_protected = open_files(given["files"], fetcher), given["user"], given["with_protected"]
    if source == zipline.NAME:
        now = datetime.now(UTC)
        return zipline.read_zipline(database, files, user=user, with_protected=with_protected, now=now)
    if source == chibisafe.NAME:
        return chibisafe.read_chibisafe(Path(database), files, user=user)
    return xbackbone.read_xbackbone(Path(database), files, user=user, with_protected=with_protected)


def _follow(outcomes: Iterator[Outcome], note: Callable[[Outcome], None], *, is_trial: bool) -> Counter[Deed]:
    """Go to the end, telling what is refused and left out, and now and then how far it is; return the counts."""
    counts: Counter[Deed] = Counter()
    told_at = time.monotonic()
    try:
        for outcome in outcomes:
            counts[outcome.deed] += 1
            note(outcome)
            if outcome.why:
                click.echo(f"{outcome.deed} {_shown(outcome.old)}: {outcome.why}", err=True)
            elif is_trial and outcome.deed is Deed.TAKEN:
                click.echo(f"would import {_shown(outcome.old)}")
            if time.monotonic() - told_at >= PROGRESS_S:
                told_at = time.monotonic()
                click.echo(_line(counts), err=True)
    except BaseException:
        click.echo(f"{_line(counts)}; not finished: run it again to go on", err=True)
        raise
    click.echo(_line(counts) + ("; nothing was changed" if is_trial else ""))
    return counts


def _line(counts: Counter[Deed]) -> str:
    return ", ".join(f"{deed} {counts[deed]:,}" for deed in Deed)


def _shown(text: str) -> str:
    """Return a foreign text as a terminal may get it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@contextmanager
def _map(path: Path | None, public_url: str) -> Iterator[Callable[[Outcome], None]]:
    """Yield what notes an image's old and new address in the file, which is there once the import has ended."""
    if path is None:
        yield lambda outcome: None
        return
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["old", "new"])
            yield (
                lambda outcome: (
                    lines.writerow([outcome.old, f"{public_url}/{quote(outcome.key)}"]) if outcome.key else None
                )
            )
        temporary.replace(path)
    except OSError as e:
        raise BadRequest(f"cannot write {path}: {e.strerror}") from e
    finally:
        temporary.unlink(missing_ok=True)
