"""`bowerbird stats`."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from .. import settings, stats
from ..costs import FREE_A_DAY, FREE_GB, GB, KINDS
from ..jobs import show_count
from .wiring import open_catalog


@click.command("stats")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
def stats_command(as_json: bool) -> None:
    """Print what is stored, how many transactions the app asked of the bucket, and what B2 will charge for the month.

    The transactions are those of the app; each view that Cloudflare's cache has to fetch is one more of class B.

    \b
    Example:
      bowerbird stats
    """
    found = stats.collect(open_catalog(settings.load()), now=datetime.now(UTC))
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
