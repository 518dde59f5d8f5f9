"""Peers: other image hosts that run already, each named by `--peer NAME=URL,FIELD,HEADER`."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import click

_NEXT_HEADER = re.compile(r",\s*(?=[!#$%&'*+.^_`|~0-9A-Za-z-]+:)")


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that takes an image at `url`, in the multipart part `field` or, if that is empty, as the whole body."""

    name: str
    url: str
    field: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class PeerType(click.ParamType):
    """A peer on the command line."""

    name = "NAME=URL,FIELD,HEADER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Peer:
        """Return the peer; a usage error says what is wrong with it."""
        try:
            return parse(value)
        except ValueError as e:
            self.fail(str(e), param, ctx)


def parse(text: str) -> Peer:
    """Return what `text` names; raise ValueError if it is not of that form.

    A header may have commas; several are given one after the other. FIELD and the headers may be left out.

    >>> parse("it=http://127.0.0.1:5000/up,file,Authorization: a, b,X-Kind: image").headers
    (('Authorization', 'a, b'), ('X-Kind', 'image'))
    """
    name, is_, rest = text.partition("=")
    url, _, rest = rest.partition(",")
    field, _, headers = rest.partition(",")
    if not is_ or not name.strip():
        raise ValueError(f"{text!r} has no name; give NAME=URL,FIELD,HEADER")
    try:
        parts = urlsplit(url.strip())
        is_address = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError(f"{url!r} is no address that begins with http://; the bench speaks no TLS")
    if re.search(r'["\r\n]', field):
        raise ValueError(f"{field!r} is no name of a field")
    return Peer(name.strip(), url.strip(), field.strip(), tuple(_header(one) for one in _split(headers)))


def _split(headers: str) -> list[str]:
    return [one for one in _NEXT_HEADER.split(headers) if one.strip()]


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name.strip()) or re.search(r"[\r\n]", value):
        raise ValueError(f"{text!r} is no header; give it as Name: value")
    return name.strip(), value.strip()
