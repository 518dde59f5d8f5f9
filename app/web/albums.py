"""Albums: made, named, shared and removed by their owner, and seen by whoever has the address of a shared one."""

from urllib.parse import urlencode

import structlog
from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..amounts import expiry
from ..errors import BadRequest, NotFound
from ..keys import thumbnail_key
from ..paging import Cursor
from ..search import Query
from ..tokens import is_share_key, new_share_key
from . import parts
from .options import album_name_of
from .owner import owner_pages
from .view import PAGE

log = structlog.get_logger()

albums = owner_pages("albums")
shared = Blueprint("shared", __name__)


@albums.get("/albums")
def show_all() -> str:
    """Every album, with what is in it and whether it is shared."""
    catalog, now = parts().catalog, parts().uploads.clock()
    rows = []
    for album in catalog.albums.all():
        covers = catalog.library.page(Query(album_id=album.id), now=now, limit=1).uploads
        is_shared = album.share_key is not None and (album.shared_until is None or album.shared_until > now)
        rows.append((album, catalog.albums.count(album.id), covers[0] if covers else None, is_shared))
    return render_template("albums.html", rows=rows)


@albums.post("/albums")
def make() -> AnyResponse:
    """Make an album; 409 if there is one of this name."""
    album = parts().catalog.albums.make(album_name_of(request.form.get("name", "")), now=parts().uploads.clock())
    log.info("album made", album=album.id)
    return redirect("/albums", 303)


@albums.post("/albums/<int(max=999999999):album_id>")
def change(album_id: int) -> AnyResponse:
    """`rename`, `share` (`until` a moment, or for good), `unshare` or `remove` an album; 404 if there is none.

    Sharing gives it a new address each time: the one before ends.
    """
    found, action = parts().catalog.albums, request.form.get("action", "")
    if action == "rename":
        found.rename(album_id, album_name_of(request.form.get("name", "")))
    elif action == "share":
        until = expiry(request.form.get("until", ""), parts().uploads.clock())
        found.share(album_id, new_share_key(), until=until)
    elif action == "unshare":
        found.unshare(album_id)
    elif action != "remove":
        raise BadRequest(f"{action[:40]!r} is no action; there are rename, share, unshare, remove")
    elif not found.remove(album_id):
        raise NotFound("there is no such album")
    log.info("album changed", album=album_id, action=action)
    return redirect("/albums", 303)


@shared.get("/a/<share_key>")
def show_shared(share_key: str) -> Response:
    """A shared album, for anyone: its name and its images, newest first, behind the image `after`.

    404, as for any address that is none, if it is not shared, or no longer. Nothing else of the owner is told: no
    titles, no names of files, no dates, no cursor that would hold one.
    """
    now = parts().uploads.clock()
    album = parts().catalog.albums.shared(share_key, now=now) if is_share_key(share_key) else None
    if album is None:
        raise NotFound("there is nothing at this address")
    place = _place(album.id, request.args.get("after", ""))
    page = parts().catalog.library.page(Query(album_id=album.id), now=now, limit=PAGE, after=place)
    behind = f"/a/{share_key}?{urlencode({'after': page.next.key})}" if page.next else None
    response = make_response(
        render_template(
            "album.html",
            album=album,
            uploads=page.uploads,
            next=behind,
            public_url=parts().settings.public_url,
            thumbnail_key=thumbnail_key,
        )
    )
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the right to look
    return response


def _place(album_id: int, key: str) -> Cursor | None:
    """Return the place of the image `key` in an album; the start for what is not in it."""
    is_inside = bool(key) and any(album.id == album_id for album in parts().catalog.albums.of(key))
    upload = parts().catalog.uploads.get(key) if is_inside else None
    return Cursor(upload.created_at, upload.key) if upload else None
