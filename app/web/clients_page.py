"""The page of clients: each with its file, the steps, and a token of its own; and ShareX's import from an address."""

import re
from typing import Any

import structlog
from flask import Blueprint, Response, redirect, render_template, request
from markdown_it import MarkdownIt
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from .. import clients
from ..clients import Client, Needs
from ..errors import NotFound
from . import parts
from .owner import owner_pages

log = structlog.get_logger()

clients_page = owner_pages("clients_page")
imported = Blueprint("imported", __name__)  # what a program fetches, which is signed in to nothing

_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_GUIDE_LINK = re.compile(r"\]\(([a-z0-9-]+)\.md\)")
_SHAREX = "sharex"


@clients_page.get("/clients")
def show_all() -> str:
    """All clients by what they run on, those of the visitor's system first."""
    told = request.headers.get("Sec-CH-UA-Platform", "") or request.headers.get("User-Agent", "")
    visitor = clients.system_of(told)
    systems = sorted(clients.SYSTEMS, key=lambda system: system != visitor)
    groups = [(name, [one for one in clients.CLIENTS if one.system == name]) for name in systems]
    return render_template("clients.html", groups=groups, names=clients.SYSTEMS, visitor=visitor, **_shared())


@clients_page.get("/clients/<name>")
def show(name: str) -> str:
    """One client: its file, the steps, and all else that its guide tells."""
    return render_template("client.html", client=clients.find(name), **_shared())


@clients_page.post("/clients/<name>")
def download(name: str) -> Response:
    """A client's file with a fresh token in it, which may only upload and is shown this once; ShareX's links with
    `to=page` to the image's page, where there are such pages. 404 for another name, 501 where there is no bucket."""
    return _filled(clients.find(name), to_page=request.form.get("to") == "page")


@clients_page.post("/clients/sharex/link")
def make_link() -> AnyResponse | str:
    """An address from which ShareX imports its configuration, once and soon."""
    ticket = clients.new_ticket(parts().secret, now=parts().uploads.clock())
    return render_template("client.html", client=clients.find(_SHAREX), ticket=ticket, **_shared())


@clients_page.get("/clients/sharex/link")
def no_link() -> AnyResponse:
    """Where a reload of that page's address leads."""
    return redirect("/clients/sharex", 303)


@imported.get("/clients/import/<ticket>")
def import_once(ticket: str) -> Response:
    """ShareX's configuration, for the first GET of a link that is ours and has not run out; 404 for every other."""
    now = parts().uploads.clock()
    name = clients.read_ticket(parts().secret, ticket, now=now)
    if name is None:
        raise NotFound("this link has run out, or is none of ours; make a new one on the page of clients")
    if request.method == "HEAD":  # what looks at links does not use them up
        return Response()
    if not parts().catalog.changes.take_once(f"ticket {name}", now=now):
        raise NotFound("this link was used; make a new one on the page of clients")
    return _filled(clients.find(_SHAREX), to_page=False)


def _filled(client: Client, *, to_page: bool) -> Response:
    settings = parts().settings
    host, secret = clients.host_of(settings), ""
    clients.check(client, host)
    if client.needs is Needs.TOKEN:
        secret, name = clients.new_client(parts().catalog, client.title, now=parts().uploads.clock())
        log.info("token made", token=name)
    text = clients.fill(client, host, secret, to_view_page=to_page and settings.view_pages)
    response = Response(text, content_type=client.content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{clients.file_name(client, host)}"'
    return response


def _shared() -> dict[str, Any]:
    settings = parts().settings
    host = clients.host_of(settings)
    return {
        "guide": lambda client: clients.guide(client, host),
        "markdown": _html,
        "file_name": lambda client: clients.file_name(client, host),
        "bookmark": lambda client: clients.fill(client, host),
        "can_fill": lambda client: client.needs is not Needs.BUCKET or host.bucket is not None,
        "view_pages": settings.view_pages,
    }


def _html(text: str) -> Markup:
    """Return the Markdown of a guide as HTML; where it links to another guide, that is its page here."""
    linked = _GUIDE_LINK.sub(r"](/clients/\1)", text)
    return Markup(_MARKDOWN.render(linked))  # noqa: S704 the renderer lets no HTML through
