"""Filling the files of sharex/ with this server's address, a token, and what is known of the bucket."""

import json
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid5

from .. import tokens
from ..errors import NotOffered
from ..resources import folder
from ..settings import Settings
from .table import Client, Needs, find

# Characters that are syntax in none of the formats, each of which has what is filled in between quotes or alone on its
# line: no quote, no white space, no $ ` % { } | \ ; & < > and the like. A bracket is one of an IPv6 address.
_ADDRESS = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?")
_S3_NAME = re.compile(r"[A-Za-z0-9._-]+")  # of a region or a bucket
_UUID = re.compile(r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")
_MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the images are for S3 clients. Its access keys are none of the app's business to give away."""

    endpoint: str
    region: str
    name: str


@dataclass(frozen=True, slots=True)
class Host:
    """What files are filled with; without a bucket there is nothing for S3 clients."""

    base_url: str
    bucket: Bucket | None = None


def host_of(settings: Settings) -> Host:
    """Return what files are filled with on this server."""
    bucket = Bucket(settings.s3_endpoint, settings.s3_region, settings.s3_bucket) if settings.store == "s3" else None
    return Host(settings.base_url, bucket)


def fill(client: Client, host: Host, token: str = "", *, name: str | None = None, to_view_page: bool = False) -> str:
    """Return the client's file, ready for use.

    `name` is what ShareX's list calls it beside the host. With `to_view_page` the address that it gives is that of the
    image's page, where the host has such pages.
    Raises ValueError for an address, token or bucket with characters that are syntax in such a file, NotOffered for a
    client that needs a bucket where there is none.
    """
    check(client, host)
    if client.needs is Needs.TOKEN and not tokens.is_token(token):
        raise ValueError(f"the token has characters that a {client.title} file cannot hold")
    source = (folder("sharex") / client.template).read_bytes().decode()  # as it is: a .cmd ends its lines in CRLF
    text = _own_ids(_replace(source, host, {"TOKEN": token}), host)
    if client.tool:
        text = text.replace("tool=${1:-flameshot}", f"tool=${{1:-{client.tool}}}")
    if client.template.endswith(".sxcu"):
        return _as_sxcu(text, name, to_view_page)
    return bookmark(text) if client.template.endswith(".js") else text


def check(client: Client, host: Host) -> None:
    """Raise as `fill` does for all but the token: no token is to be made for a file that cannot be."""
    if client.needs is Needs.BUCKET and host.bucket is None:
        raise NotOffered(f"{client.title} needs a bucket, and this server keeps its images in a folder")
    told("", host)


def sxcu(base_url: str, token: str, name: str | None = None, *, to_view_page: bool = False) -> str:
    """Return a .sxcu for this host: JSON that ShareX 14 or newer, XerahS, sharex-cli, shotx and Chatterino take; see
    `fill` for the rest."""
    return fill(find("sharex"), Host(base_url), token, name=name, to_view_page=to_view_page)


def file_name(client: Client, host: Host) -> str:
    """Return what the filled file is called, such as `pics.example.com.sxcu`."""
    name = re.sub(r"[^A-Za-z0-9.-]", "-", urlsplit(host.base_url).hostname or "bowerbird")
    return client.file_name.replace("HOST", name)


def told(text: str, host: Host) -> str:
    """Return the text of a guide with this host's address and bucket in it; what is not known stays as it is.

    Raises ValueError for an address or a bucket with characters that are syntax in a client's file.
    """
    return _replace(text, host, {})


def bookmark(script: str) -> str:
    """Return a script as the address of a bookmark.

    >>> bookmark("open('a b');\\n")
    "javascript:open('a%20b');"
    """
    lines = " ".join(line.strip() for line in script.splitlines() if line.strip())
    return "javascript:" + quote(lines, safe="!'()*,-./:;=?@_~$&+[]")


def curl_line(base_url: str, token: str) -> str:
    """Return a line for the shell that uploads a picture.

    >>> curl_line("https://pics.example.com", "TOKEN")
    "curl -H 'Authorization: Bearer TOKEN' -F file=@picture.png https://pics.example.com/api/upload"
    """
    return f"curl -H 'Authorization: Bearer {token}' -F file=@picture.png {base_url}/api/upload"


def _replace(text: str, host: Host, more: dict[str, str]) -> str:
    """Put what is known in the place of its words, all at once: nothing that was filled in is read again."""
    values = {"https://HOST": _address(host.base_url), "HOST": urlsplit(host.base_url).netloc, **more}
    if bucket := host.bucket:
        values |= {"https://ENDPOINT": _address(bucket.endpoint), "ENDPOINT": urlsplit(bucket.endpoint).netloc}
        values |= {"REGION": _s3_name(bucket.region), "BUCKET": _s3_name(bucket.name)}
        values |= {"use_https = True": f"use_https = {bucket.endpoint.startswith('https:')}"}
    words = "|".join(rf"\b{re.escape(word)}\b" for word in sorted(values, key=len, reverse=True))
    return re.sub(words, lambda found: values[found[0]], text)


def _address(url: str) -> str:
    if not _ADDRESS.fullmatch(url):
        raise ValueError(f"the address {url[:80]!r} has characters that a client's file cannot hold")
    return url.rstrip("/")


def _s3_name(text: str) -> str:
    if not _S3_NAME.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no name of a bucket or region that a client's file can hold")
    return text


def _own_ids(text: str, host: Host) -> str:
    """Make the ids those of this host: what another host's file has set up stays when this one is imported."""
    return _UUID.sub(lambda found: _as_written(found[0], str(uuid5(UUID(found[0]), host.base_url))), text)


def _as_written(before: str, fresh: str) -> str:
    return fresh.upper() if before == before.upper() else fresh


def _as_sxcu(text: str, name: str | None, to_view_page: bool) -> str:
    config = json.loads(text)
    if name:
        config["Name"] += f" ({' '.join(name.split())[:_MAX_NAME]})"
    if to_view_page:
        config["URL"] = "{json:view_url}"
    return json.dumps(config, indent=2)
