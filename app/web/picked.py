"""What is done with several uploads at once: delete, tag, favour, put into an album, download."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

import structlog
from flask import Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from .. import archive
from ..catalog.records import MAX_TAGS
from ..errors import BadRequest, NotFound, Unavailable
from . import parts, reach
from .options import album_name_of, tags_of
from .owner import owner_pages
from .view import address, fields_of

log = structlog.get_logger()

MOST = 500  # images at once: their keys fit the 64 KiB of a form

picked = owner_pages("picked")


@picked.post("/gallery")
def act() -> AnyResponse | str:
    """Do `action` with each `key`: a redirect to the list that it came from, or `{"message", "gone"}` for scripts;
    `gone` are the keys that are no longer in that list.

    A deletion without `sure` is asked for first. 400 for an unknown action, no key or more than MOST.
    """
    action, keys = request.form.get("action", ""), list(dict.fromkeys(request.form.getlist("key")))
    if action not in (*_ACTIONS, "zip"):
        raise BadRequest(f"{action[:40]!r} is no action; there are {', '.join(_ACTIONS)}, zip")
    if not keys:
        raise BadRequest("no image is selected")
    if len(keys) > MOST:
        raise BadRequest(f"{len(keys)} images are selected; at most {MOST} are taken at once")
    if action == "zip":
        return _zip(keys)
    if action == "delete" and not request.form.get("sure"):
        return _ask(keys)
    count = _ACTIONS[action](keys)
    log.info("picked", action=action, count=count)
    return _done(action, count, keys)


def said(given: Mapping[str, str]) -> str | None:
    """Return in words what was just done, as the address after it tells.

    >>> said({"did": "delete", "count": "3"}), said({"did": "tag", "count": "1"}), said({"did": "x", "count": "1"})
    ('3 images deleted', '1 image tagged', None)
    """
    did, count = given.get("did", ""), given.get("count", "")
    if did not in _WORDS or not (count.isascii() and count.isdigit() and len(count) < 5):
        return None
    return f"{int(count)} image{'' if int(count) == 1 else 's'} {_WORDS[did]}"


def _delete(keys: list[str]) -> int:
    count = len(parts().catalog.library.get_all(keys, now=parts().uploads.clock()))
    parts().uploads.delete_all(keys)
    return count


def _tag(keys: list[str]) -> int:
    return parts().catalog.library.tag(keys, add=_tags(), remove=[], most=MAX_TAGS)


def _untag(keys: list[str]) -> int:
    return parts().catalog.library.tag(keys, add=[], remove=_tags(), most=MAX_TAGS)


def _tags() -> tuple[str, ...]:
    if not (tags := tags_of(request.form.get("tags", ""))):
        raise BadRequest("there is no tag; give some, with commas between them")
    return tags


def _favour(keys: list[str]) -> int:
    return parts().catalog.library.favour(keys, is_favourite=True)


def _unfavour(keys: list[str]) -> int:
    return parts().catalog.library.favour(keys, is_favourite=False)


def _put(keys: list[str]) -> int:
    """Put into the album `to`, or into a new one called `new_album`."""
    albums = parts().catalog.albums
    if (name := request.form.get("new_album", "")).strip():
        return albums.put_in(albums.make(album_name_of(name), now=parts().uploads.clock()).id, keys)
    return albums.put_in(_album_id(), keys)


def _take(keys: list[str]) -> int:
    return parts().catalog.albums.take_out(_album_id(), keys)


def _album_id() -> int:
    text = request.form.get("to", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest("no album is chosen")
    return int(text)


_ACTIONS: dict[str, Callable[[list[str]], int]] = {
    "delete": _delete,
    "tag": _tag,
    "untag": _untag,
    "favourite": _favour,
    "unfavourite": _unfavour,
    "put": _put,
    "take": _take,
}
_WORDS = {
    "delete": "deleted",
    "tag": "tagged",
    "untag": "no longer tagged",
    "favourite": "among the favourites",
    "unfavourite": "no longer among the favourites",
    "put": "in the album",
    "take": "taken out of the album",
    "edit": "changed",
}


def _done(action: str, count: int, keys: list[str]) -> AnyResponse:
    fields, origin = fields_of(request.form), request.form.get("from", "")
    if request.accept_mimetypes.best_match(("text/html", "application/json")) == "application/json":
        is_gone = action == "delete" or (action == "take" and fields.get("album") == request.form.get("to"))
        return jsonify(message=said({"did": action, "count": str(count)}), gone=keys if is_gone else [])
    target = "" if action == "delete" else origin  # the image's own page, where that asked
    cursor = None if target else request.form.get("cursor")
    return redirect(address(fields, target, cursor=cursor, did=action, count=str(count)), 303)


def _ask(keys: list[str]) -> str:
    """The page that asks whether to delete, for browsers without a script."""
    found = parts().catalog.library.get_all(keys, now=parts().uploads.clock())
    if not found:
        raise NotFound("none of these images is there any more")
    cursor, fields = request.form.get("cursor", ""), fields_of(request.form)
    return render_template(
        "delete_picked.html", uploads=found, fields=fields, cursor=cursor, address=address, reach=reach.before()
    )


def _zip(keys: list[str]) -> Response:
    now = parts().uploads.clock()
    found = parts().catalog.library.get_all(keys, now=now)
    if not found:
        raise NotFound("none of these images is there any more")
    chunks = archive.stream(parts().store, found, spool_dir=parts().settings.data_dir / "spool")
    first = next(chunks)  # a store that does not answer is told as an error, not as a broken file
    log.info("picked", action="zip", count=len(found))
    response = Response(_told(chain([first], chunks)), content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="bowerbird-{now:%Y-%m-%d-%H%M%S}.zip"'
    return response


def _told(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks; what ends them too early is logged, and breaks the answer off so that nobody trusts it."""
    try:
        yield from chunks
    except Unavailable as e:
        log.error("failed", code=e.code, error=str(e), what="zip")
        raise
