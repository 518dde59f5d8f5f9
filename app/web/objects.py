"""The images themselves, in embedded mode, with the headers the edge would give them."""

import re
import time
from datetime import timedelta
from typing import Any, BinaryIO, cast

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.routing import BaseConverter
from werkzeug.wsgi import wrap_file

from ..catalog.records import Thumbnail, Upload
from ..edge.headers import CACHE_CONTROL, VIEWER_HEADERS
from ..errors import NotFound
from ..heartbeat import Heartbeat
from ..keys import EXTENSIONS, PATTERN, PROBE, THUMBNAIL, THUMBNAILS
from ..store.base import StoredObject
from ..store.folder import FolderStore
from ..thumbnails import CONTENT_TYPE
from . import parts

objects = Blueprint("objects", __name__)


class KeyConverter(BaseConverter):
    """Part of an address that has the form of a key; any other address is not one of ours."""

    regex = PATTERN


class ProbeConverter(BaseConverter):
    """The name of a picture of `bowerbird doctor`."""

    regex = PROBE


class ThumbnailConverter(BaseConverter):
    """The key of a thumbnail."""

    regex = THUMBNAIL
    part_isolating = False


@objects.record_once
def _know_keys(state: BlueprintSetupState) -> None:
    state.app.url_map.converters.update(key=KeyConverter, probe=ProbeConverter, thumbnail=ThumbnailConverter)


HEADERS = {"Cache-Control": CACHE_CONTROL, **VIEWER_HEADERS}
_BUFFER_BYTES = 64 * 1024
WAIT_S = 10  # for a thumbnail: the worker looks twice a second, and one takes it a fraction of that
FRESH = timedelta(seconds=30)  # of what is older the worker has tried it, and will again in minutes
_LOOK_S = 0.1


@objects.get("/<key:key>")
def serve(key: str) -> Response:
    """The bytes of one live upload, whole or a range of them (206, 416), or 304; 404 for any other name."""
    upload = parts().uploads.find(key)
    if upload is None:
        raise NotFound("there is no such image")
    return _shown(upload.key, upload.content_type)


@objects.get("/<thumbnail:key>")
def serve_thumbnail(key: str) -> Response:
    """The thumbnail of one live upload in the same ways; one that the worker is about to make is waited for. 404 also
    for one that there is not."""
    stem = key.removeprefix(THUMBNAILS).rpartition(".")[0]
    found = (parts().uploads.find(f"{stem}.{extension}") for extension in EXTENSIONS)
    upload = next(filter(None, found), None)
    if upload is None:
        raise NotFound("there is no such image")
    _await_thumbnail(upload)
    return _shown(key, CONTENT_TYPE)


@objects.get("/<probe:key>")
def serve_probe(key: str) -> Response:
    """The same for a picture of the doctor, which is no upload; 404 but for the moment of a visit."""
    return _shown(key, "image/png")


def _await_thumbnail(upload: Upload | None) -> None:
    """Wait, for a while, until the worker has seen to it: a client may ask at once for the address it was given."""
    heartbeat, end = Heartbeat(parts().settings.data_dir), time.monotonic() + WAIT_S
    while upload and upload.thumbnail is Thumbnail.DUE and time.monotonic() < end:
        now = parts().uploads.clock()
        if now - upload.created_at > FRESH or heartbeat.age_s(now.timestamp()) is None:
            return
        time.sleep(_LOOK_S)
        upload = parts().uploads.find(upload.key)


def _shown(key: str, content_type: str) -> Response:
    found: tuple[BinaryIO, StoredObject] | None = cast(FolderStore, parts().store).open(key)
    if found is None:
        raise NotFound("there is no such image")
    file, stored = found
    body = wrap_file(request.environ, file, _BUFFER_BYTES)
    response = Response(body, headers=HEADERS, content_type=content_type, direct_passthrough=True)
    response.content_length = stored.size
    response.set_etag(stored.etag.strip('"'))
    response.last_modified = stored.modified_at
    # Several ranges at once may be answered with the whole (RFC 9110, 14.2); no viewer of images asks for them.
    is_multiple = "," in request.headers.get("Range", "")
    try:
        response.make_conditional(_satisfiable(stored.size), accept_ranges=not is_multiple, complete_length=stored.size)
    except RequestedRangeNotSatisfiable:
        file.close()
        raise
    return response


def _satisfiable(size: int) -> dict[str, Any]:
    """Return the request's environment. The last 900 bytes of 500 are all of them (RFC 9110, 14.1.2), not none."""
    suffix = re.fullmatch(r"bytes=-([0-9]+)", request.headers.get("Range", "").strip())
    return request.environ | ({"HTTP_RANGE": "bytes=0-"} if suffix and int(suffix[1][:40]) >= size else {})
