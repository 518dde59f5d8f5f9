"""`bowerbird serve`."""

import os
import socket
import sys

import click

from .. import settings
from ..connections import allow_files
from ..errors import SettingsError
from ..settings import Settings


@click.command()
@click.option("--no-worker", is_flag=True, help="Leave the repeated jobs to a `bowerbird worker` started elsewhere.")
def serve(no_worker: bool) -> None:
    """Start the server: the web workers and the worker for the repeated jobs.

    \b
    Example:
      BOWERBIRD_BIND=127.0.0.1:8080 bowerbird serve
    """
    chosen = settings.load()
    _check_port(chosen.bind)
    chosen.signing_secret()
    _allow_files(chosen)
    # A process of its own: gevent has to patch sockets before anything else is imported. All that needs the app itself
    # is done there, by app/cli/opening.py: it would be imported twice.
    arguments = ["-m", "app.master", chosen.bind, str(chosen.web_workers), f"--log={chosen.log_format}", "--first"]
    arguments += ["--no-worker"] if no_worker else []
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606


def _allow_files(chosen: Settings) -> None:
    """Raise this process's limit of open files, which the web workers inherit, and say so where it is too low."""
    if (most := allow_files(chosen.max_connections)) < chosen.max_connections:
        click.echo(
            f"Only {most:,} connections of each web process can be held, not {chosen.max_connections:,} "
            f"({settings.PREFIX}MAX_CONNECTIONS): the system lets a process open too few files. Raise its hard limit "
            "(ulimit -Hn, LimitNOFILE=, docker run --ulimit nofile=).",
            err=True,
        )


def _check_port(bind: str) -> None:
    """Raise SettingsError if nobody can listen there, in one line instead of gunicorn's five attempts."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, int(port)))
    except OSError as e:
        raise SettingsError(
            [f"{settings.PREFIX}BIND: cannot listen on {bind}: {(e.strerror or str(e)).lower()}"]
        ) from e
