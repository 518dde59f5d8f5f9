"""`bowerbird stats`."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from .. import settings, stats
from ..amounts import show_size
from ..catalog.tallies import Tally
from ..costs import FREE_A_DAY, FREE_GB, GB, KINDS
from ..jobs import show_count
from ..stats import BY, DAYS, MAX_DAYS, By, Period
from .wiring import open_catalog


@click.command("stats")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
@click.option("--by", type=click.Choice(BY), help="Print the uploads and their bytes by day, type or token instead.")
@click.option(
    "--days", type=click.IntRange(1, MAX_DAYS), default=DAYS, show_default=True, help="How many, with --by day."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with --by.")
def stats_command(as_json: bool, by: By | None, days: int, as_csv: bool) -> None:
    """Print what is stored, how many transactions the app asked of the bucket, and what B2 will charge for the month.

    The transactions are those of the app; each view that Cloudflare's cache has to fetch is one more of class B.

    \b
    Example:
      bowerbird stats --by day --days 365 --csv
    """
    if as_csv and not by:
        raise click.UsageError("--csv goes with --by")
    catalog, now = open_catalog(settings.load()), datetime.now(UTC)
    if by:
        today = now.date()
        _print(stats.uploads_by(catalog, by, Period(today - timedelta(days - 1), today)), by, as_json, as_csv)
        return
    found = stats.collect(catalog, now=now)
    if as_json:
        click.echo(json.dumps(asdict(found) | {"total": found.bill.total}))
        return
    bill = found.bill
    click.echo(f"stored       {found.stored:,} objects, {found.size / GB:,.3f} GB of {FREE_GB} GB that are free")
    if found.waiting:
        click.echo(f"deletions    {show_count(found.waiting)} wait for the store or for Cloudflare: bowerbird doctor")
    if found.undrawn:
        click.echo(f"thumbnails   {show_count(found.undrawn)} are still to be made")
    for kind in KINDS:
        free = "free" if kind == "A" else f"{FREE_A_DAY:,} a day are free"
        click.echo(f"class {kind}      {found.today[kind]:,} today, {found.month[kind]:,} this month ({free})")
    click.echo(
        f"this month   ${bill.total:.2f}: storage ${bill.storage:.2f}, class B ${bill.b:.2f}, class C ${bill.c:.2f}"
    )


def _print(found: list[Tally], by: By, as_json: bool, as_csv: bool) -> None:
    if as_csv:
        click.echo(stats.to_csv(found, by), nl=False)
    elif as_json:
        click.echo(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            click.echo(f"{one.name:<24}  {one.count:>9,}  {show_size(one.size):>9}")
