"""`bowerbird clients` and `bowerbird sxcu`."""

import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from .. import clients, settings
from ..clients import Client, Host, Needs
from ..errors import BadRequest, NotFound, SettingsError
from ..settings import Settings
from .wiring import open_catalog

_OUTPUT = "Where the file goes, which must not exist yet; - is stdout."
_CALLED = "What the token is called, for `token revoke`, and ShareX's entry.  [default: the client]"
_VIEW_PAGE = "ShareX's links lead to the image's page (BOWERBIRD_VIEW_PAGES)."


@click.command("clients")
@click.argument("name", required=False)
@click.option("--output", "-o", default="-", metavar="FILE", help=_OUTPUT)
@click.option("--token-name", metavar="TEXT", help=_CALLED)
@click.option("--view-page", "to_view_page", is_flag=True, help=_VIEW_PAGE)
def clients_command(name: str | None, output: str, token_name: str | None, to_view_page: bool) -> None:
    """List the clients, or set up the one called NAME: its file, with a fresh upload token in it, and the steps.

    \b
    Example:
      bowerbird clients flameshot --output ~/.local/bin/bowerbird-flameshot
    """
    if name is None:
        for client in clients.CLIENTS:
            click.echo(f"{client.name}\t{client.title}\t{clients.SYSTEMS[client.system]}")
        return
    try:
        client = clients.find(name)
    except NotFound as e:
        raise click.UsageError(f"{e}; `bowerbird clients` lists them") from e
    host = _give(client, output, token_name, to_view_page)
    guide = clients.guide(client, host)
    click.echo(f"\n{_plain(guide.steps)}", err=True)
    if guide.more:
        click.echo(f"\nMore: {host.base_url}/clients/{client.name}", err=True)


@click.command()
@click.option("--name", default="ShareX", show_default=True, help="What the token is called, for `token revoke`.")
@click.option("--view-page", "to_view_page", is_flag=True, help=_VIEW_PAGE)
def sxcu(name: str, to_view_page: bool) -> None:
    """Print a ShareX configuration with a fresh token in it, which may only upload.

    \b
    Example:
      bowerbird sxcu > bowerbird.sxcu
    """
    _give(clients.find("sharex"), "-", name, to_view_page)


def _plain(markdown: str) -> str:
    """Return a guide as a terminal shows it: what a link says without where it leads, and nothing bold."""
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", markdown).replace("**", "")


def _give(client: Client, output: str, token_name: str | None, to_view_page: bool) -> Host:
    """Write the client's file; no token is made for one that cannot be."""
    chosen = settings.load()
    if to_view_page and not chosen.view_pages:
        raise SettingsError([f"{settings.PREFIX}VIEW_PAGES: there are no pages to link to; set it to true"])
    host = _host(client, chosen)
    file = None if output == "-" else _create(Path(output), client)
    try:
        secret = ""
        if client.needs is Needs.TOKEN:
            secret, called = clients.new_client(open_catalog(chosen), token_name or client.title, now=datetime.now(UTC))
            click.echo(f"the token is called {called!r}", err=True)
        listed = token_name if token_name != client.title else None
        text = clients.fill(client, host, secret, name=listed, to_view_page=to_view_page).encode()
        if file is None:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        else:
            os.write(file, text)
    except BaseException:
        if file is not None:
            Path(output).unlink()
        raise
    finally:
        if file is not None:
            os.close(file)
    return host


def _host(client: Client, chosen: Settings) -> Host:
    host = clients.host_of(chosen)
    try:
        clients.check(client, host)
    except ValueError as e:
        raise SettingsError([str(e)]) from e
    return host


def _create(path: Path, client: Client) -> int:
    """Make the file for its owner alone: a token goes into it. Raise BadRequest if it is there or cannot be made."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700 if client.is_program else 0o600)
    except OSError as e:
        raise BadRequest(f"cannot make {path}: {e.strerror}") from e
