"""Peers: other image hosts that run already, each named by `--peer NAME=URL,FIELD,HEADER`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import click

_NEXT_HEADER = re.compile(r",\s*(?=[!#$%&'*+.^_`|~0-9A-Za-z-]+:)")


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that takes an image at `url`, in the multipart part `field` or, if that is empty, as the whole body.

    `ports` are those of what works for it, such as its database.
    """

    name: str
    url: str
    field: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    ports: tuple[int, ...] = ()


class PeerType(click.ParamType):
    """A peer on the command line."""

    name = "NAME[+PORT]=URL,FIELD,HEADER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Peer:
        """Return the peer; a usage error says what is wrong with it."""
        try:
            return parse(value)
        except ValueError as e:
            self.fail(str(e), param, ctx)


def parse(text: str) -> Peer:
    """Return what `text` names; raise ValueError if it is not of that form.

    A header may have commas; several are given one after the other. FIELD and the headers may be left out, and so may
    the ports of what works for it.

    >>> parse("it=http://127.0.0.1:5000/up,file,Authorization: a, b,X-Kind: image").headers
    (('Authorization', 'a, b'), ('X-Kind', 'image'))
    >>> parse("it+5432=http://127.0.0.1:5000/up").ports
    (5432,)
    """
    named, is_, rest = text.partition("=")
    name, *ports = (part.strip() for part in named.split("+"))
    url, _, rest = rest.partition(",")
    field, _, headers = rest.partition(",")
    if not is_ or not name:
        raise ValueError(f"{text!r} has no name; give NAME=URL,FIELD,HEADER")
    if wrong := [port for port in ports if not port.isdecimal() or not 0 < int(port) < 65536]:
        raise ValueError(f"{wrong[0]!r} is no port from 1 to 65535; give NAME+PORT=URL,FIELD,HEADER")
    try:
        parts = urlsplit(url.strip())
        is_address = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError(f"{url!r} is no address that begins with http://; the bench speaks no TLS")
    if re.search(r'["\r\n]', field):
        raise ValueError(f"{field!r} is no name of a field")
    given = tuple(_header(one) for one in _split(headers))
    return Peer(name, url.strip(), field.strip(), given, tuple(map(int, ports)))


def unlike(*taken: str) -> Callable[[click.Context, click.Parameter, Sequence[Peer]], Sequence[Peer]]:
    """Return what refuses, as a usage error, a name given twice or one of the `taken`: the figures of two would mix."""

    def check(context: click.Context, param: click.Parameter, peers: Sequence[Peer]) -> Sequence[Peer]:
        names = [*taken, *(peer.name for peer in peers)]
        if twice := [name for number, name in enumerate(names) if name in names[:number]]:
            raise click.BadParameter(f"{twice[0]!r} names two; give each a name of its own", context, param)
        return peers

    return check


def _split(headers: str) -> list[str]:
    return [one for one in _NEXT_HEADER.split(headers) if one.strip()]


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name.strip()) or re.search(r"[\r\n]", value):
        raise ValueError(f"{text!r} is no header; give it as Name: value")
    return name.strip(), value.strip()
