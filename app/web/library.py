"""The HTTP API of the library: list and search uploads, look one up, edit it, replace it."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import structlog
from flask import Blueprint, Response, jsonify, request

from ..amounts import expiry
from ..catalog.records import MAX_TAGS
from ..errors import BadRequest, NotFound
from ..paging import Cursor, decode, encode
from ..search import Query, Sort, parse
from ..tokens import MANAGE
from . import parts
from .answer import details
from .auth import authenticate
from .body import read_upload
from .options import flag_of, tags_of, title_of

log = structlog.get_logger()

library = Blueprint("library", __name__, url_prefix="/api")

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
_FIELDS = ("title", "tags", "expires", "favourite")


@library.get("/uploads")
def list_uploads() -> Response:
    """Answer a page of the live uploads: `q` (words and filters), `tag`, `album`, `sort`, `limit`, `cursor`; `next` is
    the cursor of the page after it, null at the end, and stands in `Link` too."""
    authenticate(MANAGE)
    arguments = request.args
    query = read_query(arguments.get("q", ""), arguments.getlist("tag"), arguments.get("sort"), arguments.get("album"))
    page = parts().catalog.library.page(
        query,
        now=parts().uploads.clock(),
        limit=_limit(arguments.get("limit")),
        after=read_cursor(arguments.get("cursor")),
    )
    after = encode(page.next) if page.next else None
    response = jsonify(uploads=[details(row) for row in page.uploads], next=after)
    if after:
        rest = [(name, value) for name, value in arguments.items(multi=True) if name != "cursor"]
        address = f"{parts().settings.base_url}/api/uploads?{urlencode([*rest, ('cursor', after)])}"
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


@library.get("/uploads/<path:key>")
def show(key: str) -> Response:
    """Answer what is known of one live upload; 404 if there is none."""
    authenticate(MANAGE)
    found = parts().uploads.find(key)
    if found is None:
        raise NotFound("there is no such upload")
    return jsonify(details(found))


@library.patch("/uploads/<path:key>")
def edit(key: str) -> Response:
    """Change `title`, `tags`, `expires` or `favourite` of one live upload, given as JSON or as a form, and answer what
    it is then; 400 for what makes no sense, and nothing is changed then; 404 if there is none."""
    authenticate(MANAGE)
    values = _changes(_given())
    if parts().uploads.find(key) is None or (found := parts().catalog.library.edit(key, values)) is None:
        raise NotFound("there is no such upload")
    log.info("edited", key=key, what=sorted(values))
    return jsonify(details(found))


@library.put("/uploads/<path:key>")
def replace_image(key: str) -> Response:
    """Put the image that is the body in the place of one live upload, and answer what it is then: its address stays,
    and title, tags, albums, expiry. 404 if there is none, 415 for an image of another type, else as for an upload."""
    token = authenticate(MANAGE)
    parts().limits.check_upload(token.id)
    settings = parts().settings
    form = read_upload(request.environ, max_bytes=settings.max_upload_bytes, spool_dir=settings.data_dir / "spool")
    try:
        keep = flag_of("keep_metadata", request.args.get("keep_metadata", ""))
        row = parts().replacing.replace(key, form.files[0], keep_metadata=keep)
    finally:
        form.close()
    log.info("replaced", key=key, size=row.size)
    return jsonify(details(row))


def read_query(text: str, tags: list[str], sort: str | None, album: str | None) -> Query:
    """Return what a list is to show; raise BadRequest for what makes no sense."""
    if sort and sort not in list(Sort):
        raise BadRequest(f"sort is {sort[:40]!r}; there are {', '.join(Sort)}")
    if album and not (album.isascii() and album.isdigit() and len(album) < 10):
        raise BadRequest(f"album is {album[:40]!r}; give the number of an album")
    found = parse(text)
    asked = (*found.tags, *(tag.strip().lower() for tag in tags if tag.strip()))
    if len(asked) > MAX_TAGS:
        raise BadRequest(f"{len(asked)} tags are asked for; an upload has at most {MAX_TAGS}")
    return replace(
        found,
        tags=asked,
        sort=Sort(sort or Sort.NEWEST),
        album_id=int(album) if album else None,
    )


def read_cursor(text: str | None) -> Cursor | None:
    """Return the cursor that a client gives back, None for the first page."""
    return decode(text) if text else None


def _limit(text: str | None) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_LIMIT):
        raise BadRequest(f"limit is {text[:40]!r}; give a number from 1 to {MAX_LIMIT}")
    return int(text)


def _given() -> dict[str, Any]:
    """Return the fields of the request, from JSON or a form."""
    try:
        given = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    except RecursionError:  # lists in lists, thousands deep
        given = None
    if not isinstance(given, dict):
        raise BadRequest("the body is no JSON object")
    if other := sorted(set(given) - set(_FIELDS)):
        raise BadRequest(f"{other[0][:40]!r} cannot be changed; there are {', '.join(_FIELDS)}")
    if not given:
        raise BadRequest(f"there is nothing to change; give {', '.join(_FIELDS)}")
    return given


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the catalog's columns that these fields mean."""
    values: dict[str, Any] = {}
    if "title" in given:
        values["title"] = title_of(_text("title", given["title"]))
    if "tags" in given:
        tags = given["tags"]
        if isinstance(tags, list) and all(isinstance(tag, str) and "," not in tag for tag in tags):
            tags = ",".join(tags)
        values["tags"] = tags_of(_text("tags", tags))
    if "expires" in given:
        values["expires_at"] = expiry(_text("expires", given["expires"]), parts().uploads.clock())
    if "favourite" in given:
        favourite = given["favourite"]
        values["is_favourite"] = favourite if isinstance(favourite, bool) else flag_of("favourite", str(favourite))
    return values


def _text(name: str, value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} is {str(value)[:40]!r}; give a text or null")
    return value or ""
