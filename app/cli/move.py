"""`bowerbird move`."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from .. import settings, settings_file
from ..errors import Conflict, SettingsError
from ..heartbeat import Heartbeat
from ..meter import Meter
from ..move import Copied, Move, Moved
from ..settings import PREFIX, Settings
from ..store import open_store
from .wiring import open_catalog

PROGRESS_S = 5.0
# What says where objects are; a name that the file does not have is not taken from the environment.
_NAMES = ("store", "s3_endpoint", "s3_region", "s3_bucket", "s3_access_key_id", "s3_secret_access_key")


@click.command("move")
@click.option(
    "--to", "target", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The other store's settings."
)
@click.option("--switch", is_flag=True, help="Then make the catalog that of the other store; the server is stopped.")
@click.option(
    "--verify", type=click.Choice(["sent", "full"]), default="sent", show_default=True, help="full: read back."
)
@click.option("--jobs", type=click.IntRange(1, 32), default=2, show_default=True, help="So many at a time.")
def move(target: Path, switch: bool, verify: str, jobs: int) -> None:
    """Copy all images and thumbnails to another store, whose settings are in FILE as they would be in .env.

    Each is verified: its bytes are those of the catalog, and what arrives is those bytes; with `--verify full` it is
    read back as well. What is there already is not copied again, so it can be interrupted and repeated. Nothing is
    changed where the images are now, which costs one class B transaction for each. Ends with 1 if one was not copied.

    \b
    Example:
      bowerbird move --to b2.env
      bowerbird move --to b2.env --switch
    """
    chosen = settings.load()
    other = _other(chosen, target)
    if switch and Heartbeat(chosen.data_dir).age_s(time.time()) is not None:
        raise Conflict("a worker is running over this catalog: stop the server before --switch")
    catalog = open_catalog(chosen)
    meter = Meter(catalog)
    here, there = open_store(chosen, count=meter.count), open_store(other, count=meter.count)
    spool_dir = chosen.data_dir / "spool"
    spool_dir.mkdir(parents=True, exist_ok=True)
    moving = Move(catalog, here, there, spool_dir=spool_dir, jobs=jobs, is_full=verify == "full")
    stored = catalog.tallies.stored()
    cost = "; one class B transaction for each that is copied" if chosen.store == "s3" else ""
    click.echo(f"{stored.count:,} images, {stored.size:,} bytes, and their thumbnails{cost}", err=True)
    try:
        wrong = _follow(moving.run())
        if wrong:
            raise SystemExit(1)
        if switch:
            count = moving.switch(now=datetime.now(UTC))
            click.echo(f"the catalog's {count:,} images are those of the other store now")
            click.echo(
                f"set BOWERBIRD_STORE and the like as in {target}, then: bowerbird serve; bowerbird doctor", err=True
            )
            if other.data_dir.resolve() != chosen.data_dir.resolve():
                click.echo(
                    f"before that, copy the catalog and the secret_key from {chosen.data_dir} to {other.data_dir}",
                    err=True,
                )
    finally:
        meter.write()


def _other(chosen: Settings, path: Path) -> Settings:
    """Return the settings with the store that the file names; raise SettingsError if it names none, or the same."""
    told = settings_file.read(path)
    if f"{PREFIX}STORE" not in told:
        raise SettingsError([f"{path} does not set {PREFIX}STORE"])
    values = {name: told.get(PREFIX + name.upper(), "") for name in _NAMES}
    folder = told.get(f"{PREFIX}DATA_DIR") or str(chosen.data_dir)
    other = settings.load(**values, data_dir=folder)
    if _place(other) == _place(chosen):
        raise SettingsError([f"{path} names the store that is in use already"])
    return other


def _place(chosen: Settings) -> tuple[str, ...]:
    if chosen.store == "folder":
        return (chosen.store, str(chosen.data_dir.resolve()))
    return (chosen.store, chosen.s3_endpoint, chosen.s3_bucket)


def _follow(done: Iterator[Moved]) -> int:
    """Tell what happens, and return how many were not copied."""
    counts: Counter[Copied] = Counter()
    told_at = time.monotonic()
    for one in done:
        counts[one.deed] += 1
        if one.why:
            click.echo(f"not copied {one.key}: {one.why}", err=True)
        if time.monotonic() - told_at >= PROGRESS_S:
            told_at = time.monotonic()
            click.echo(_line(counts), err=True)
    click.echo(_line(counts))
    return counts[Copied.WRONG]


def _line(counts: Counter[Copied]) -> str:
    return ", ".join(f"{deed} {counts[deed]:,}" for deed in Copied)
