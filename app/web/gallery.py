"""The gallery: the owner's uploads page by page, and the page of each."""

import io
from typing import Any

import segno
import structlog
from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from ..amounts import expiry
from ..catalog.records import Upload
from ..errors import BadRequest, NotFound
from ..paging import Cursor
from ..search import Sort
from ..store.folder import FolderStore
from . import parts, reach
from .answer import answer
from .options import tags_of, title_of
from .owner import owner_pages
from .picked import MOST, said
from .view import View, address, beside, fields_of, read_view

log = structlog.get_logger()

TAGS = 16  # the most used, of which one is looked for without typing

gallery = owner_pages("gallery")


@gallery.get("/gallery")
def show_list() -> str | tuple[str, int]:
    """A page of the uploads that `q`, `tag`, `album` and `sort` ask for, behind `cursor`; 400 with the reason on the
    page for what makes no sense, 404 for an album that is not there."""
    try:
        view = read_view(request.args)
        page = view.page(request.args.get("cursor"))
    except BadRequest as e:
        log.info("refused", code=e.code, status=400, error=str(e))
        return _list(fields_of(request.args), problem=str(e)), 400
    return _list(view.fields, view=view, uploads=page.uploads, next=view.next(page))


@gallery.get("/tiles")
def show_tiles() -> str:
    """Those uploads `key` that are live, as the gallery shows them: a page asks again for thumbnails it waits for."""
    keys = request.args.getlist("key")
    if len(keys) > MOST:
        raise BadRequest(f"{len(keys)} images are asked for; at most {MOST} are told at once")
    found = parts().catalog.library.get_all(keys, now=parts().uploads.clock())
    return render_template("tiles.html", uploads=found, fields=fields_of(request.args), address=address)


@gallery.get("/gallery/<path:key>")
def show_image(key: str) -> str:
    """All that is known of one upload, its links, and what can be changed of it; 404 if there is none."""
    upload = _find(key)
    view = read_view(request.args)
    place = Cursor(upload.size if view.query.sort.is_by_size else upload.created_at, upload.key)
    before, behind = beside(view, place)
    catalog = parts().catalog
    inside = catalog.albums.of(key)
    return render_template(
        "image.html",
        upload=upload,
        view=view,
        links=_links(upload),
        sender=next((token.name for token in catalog.tokens.list() if token.id == upload.token_id), None),
        inside=inside,
        other_albums=[album for album in catalog.albums.all() if album not in inside],
        times=catalog.copies.count(key),
        before=view.address(before) if before else None,
        behind=view.address(behind) if behind else None,
        said=said(request.args),
    )


@gallery.get("/qr/<path:key>.svg")
def show_qr(key: str) -> Response:
    """The address of an upload as a QR code; 404 if there is none, 400 if it is too long for one."""
    url, file = answer(_find(key))["url"], io.BytesIO()
    try:
        code = segno.make(url, micro=False)
    except segno.DataOverflowError as e:
        raise BadRequest(f"the address has {len(url):,} characters; a QR code holds fewer") from e
    code.save(file, kind="svg", scale=6, border=4, light="#fff", xmldecl=False)
    return Response(file.getvalue(), mimetype="image/svg+xml")


@gallery.post("/gallery/<path:key>")
def edit(key: str) -> Response:
    """Change title, tags and, where something is given, the expiry of one upload; 404 if there is none."""
    _find(key)
    given = request.form
    values: dict[str, Any] = {"title": title_of(given.get("title", "")), "tags": tags_of(given.get("tags", ""))}
    if given.get("expires", "").strip():
        values["expires_at"] = expiry(given["expires"], parts().uploads.clock())
    if parts().catalog.library.edit(key, values) is None:
        raise NotFound("there is no such image")
    log.info("edited", key=key, what=sorted(values))
    return redirect(address(fields_of(given), key, did="edit", count="1"), 303)


def _list(fields: dict[str, str], *, view: View | None = None, problem: str | None = None, **page: Any) -> str:
    catalog = parts().catalog
    return render_template(
        "gallery.html",
        fields=fields,
        view=view,
        problem=problem,
        address=address,
        sorts=list(Sort),
        tags=catalog.tallies.tags(limit=TAGS),
        albums=catalog.albums.all(),
        is_cloud=not isinstance(parts().store, FolderStore),
        is_first="cursor" not in request.args,
        reach=reach.before(),
        said=said(request.args),
        **page,
    )


def _find(key: str) -> Upload:
    found = parts().uploads.find(key)
    if found is None:
        raise NotFound("there is no such image")
    return found


def _links(upload: Upload) -> list[tuple[str, str]]:
    """Return the addresses of an upload in all the forms they are pasted in."""
    told = answer(upload)
    url = told["url"]
    page = [("Page", told["view_url"])] if "view_url" in told else []
    return [
        ("Link", url),
        *(_embedded_video(upload, url, told["thumbnail_url"]) if upload.is_video else _embedded(upload, url)),
        *page,
        ("Thumbnail", told["thumbnail_url"]),
        ("Deletion", told["deletion_url"]),
    ]


def _embedded(upload: Upload, url: str) -> list[tuple[str, str]]:
    return [
        ("Markdown", f"![]({url})"),
        ("HTML", f'<img src="{url}" width="{upload.width}" height="{upload.height}" alt="">'),
        ("BBCode", f"[img]{url}[/img]"),
    ]


def _embedded_video(upload: Upload, url: str, poster: str) -> list[tuple[str, str]]:
    """Return the forms of a video; Markdown and BBCode have none for it, so its poster leads to it (as in copy.js)."""
    size = f'width="{upload.width}" height="{upload.height}"'
    return [
        ("Markdown", f"[![Video]({poster})]({url})"),
        ("HTML", f'<video src="{url}" poster="{poster}" {size} controls preload="metadata"></video>'),
        ("BBCode", f"[url={url}][img]{poster}[/img][/url]"),
    ]
