"""`bowerbird login` and `bowerbird logout`."""

import sys

import click

from ..client import config
from ..client.api import Api
from ..errors import SettingsError


def warn_of(server: config.Server) -> None:
    """Say it where others can read the token: on the way, or in the file."""
    if server.is_readable_on_the_way:
        click.echo(f"bowerbird: {server.url} is not https: whoever is on the way can read the token", err=True)
    if config.is_open_to_others():
        click.echo(f"bowerbird: others on this machine can read {config.path()}: chmod 600 it", err=True)


@click.command()
@click.argument("url")
@click.option("--profile", default=config.DEFAULT, show_default=True, metavar="NAME", help="What the server is called.")
def login(url: str, profile: str) -> None:
    """Keep a server's address and a token for it, once the server has taken the token.

    The token is asked for, or read from standard input; it goes into the keyring where there is one, else into
    config.toml, which only you can read. In scripts BOWERBIRD_URL and BOWERBIRD_TOKEN do without.

    \b
    Example:
      bowerbird login https://up.example.com
    """
    where = config.address(url)
    server = config.Server(where, config.checked_token(_read_token()))
    warn_of(server)
    Api(server, connections=1).check()
    keyring = config.save(profile, where, server.token)
    place = f"the keyring ({keyring})" if keyring else f"{config.path()}: there is no keyring here"
    click.echo(f"{where} takes the token, and is the profile {profile!r}; the token is in {place}", err=True)


@click.command()
@click.option("--profile", metavar="NAME", help="Which server.  [default: the one that is the default]")
def logout(profile: str | None) -> None:
    """Forget a server and its token. The token stays good: `bowerbird token revoke` on the server ends it.

    \b
    Example:
      bowerbird logout --profile work
    """
    gone = config.forget(profile)
    click.echo(f"forgot {gone.url}, the profile {gone.name!r}", err=True)


def _read_token() -> str:
    if sys.stdin.isatty():
        token: str = click.prompt("Token", hide_input=True, err=True)
    elif not (token := sys.stdin.readline()):
        raise SettingsError(["there is no token on standard input"])
    return token.strip()
