"""Resumable uploads over HTTP, as tus 1.0.0 has them. Source: https://tus.io/protocols/resumable-upload"""

from contextlib import suppress

import structlog
from flask import Blueprint, Response, jsonify, request

from ..errors import (
    BadRequest,
    ChecksumMismatch,
    Gone,
    IncompleteBody,
    Locked,
    NotFound,
    TooLarge,
    Unavailable,
    WrongOffset,
    WrongVersion,
)
from ..partial import Held, Partial
from ..tokens import UPLOAD, Token
from ..uploads import Options
from . import parts, tus_headers
from .answer import answer
from .auth import SAFE, authenticate
from .options import read_options
from .tus_body import Arriving

log = structlog.get_logger()

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,expiration,checksum"

tus = Blueprint("tus", __name__, url_prefix="/api/tus")


@tus.after_request
def _say_version(response: Response) -> Response:
    response.headers["Tus-Resumable"] = VERSION
    response.headers.pop("Accept-Post", None)  # that of /api/upload
    if response.status_code == 412:
        response.headers["Tus-Version"] = VERSION
    if response.status_code == 460:
        response.status = "460 Checksum Mismatch"
    return response


@tus.route("", methods=["OPTIONS"], provide_automatic_options=False)
@tus.route("/<id_>", methods=["OPTIONS"], provide_automatic_options=False)
def options(id_: str | None = None) -> Response:
    """Tell what is offered; nobody is asked for a token."""
    response = Response(status=204)
    response.headers["Tus-Version"] = VERSION
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Max-Size"] = str(parts().settings.max_resumable_bytes)
    response.headers["Tus-Checksum-Algorithm"] = ",".join(tus_headers.ALGORITHMS)
    return response


@tus.route("", methods=["POST"], provide_automatic_options=False)
def create() -> Response:
    """Begin an upload, with or without its first bytes; 201, and 400, 401, 403, 412, 413, 415, 429, 460, 507."""
    _check_version()
    token = authenticate(UPLOAD)
    parts().limits.check_upload(token.id)
    for name in ("Upload-Defer-Length", "Upload-Concat"):
        if name in request.headers:
            raise BadRequest(f"{name} is not offered; send Upload-Length")
    length = tus_headers.number("Upload-Length", request.headers.get("Upload-Length"))
    text = request.headers.get("Upload-Metadata", "").strip()
    _options(text, token)
    body, checksum = _body()
    if (body.length or 0) > length:
        raise TooLarge(f"the body has {body.length:,} bytes; Upload-Length is {length:,}")
    partial = parts().resumable.create(token.id, length, text)
    response = Response(status=201)
    response.headers["Location"] = _path(partial)
    if body.length != 0:
        with parts().resumable.hold(partial) as held:
            try:
                _append(held, body, checksum, token)
            except BaseException:
                with suppress(NotFound):
                    parts().resumable.remove(partial)  # its address was never told
                raise
            partial = held.partial
        _tell_offset(response, partial)
    return _tell_end(response, partial)


@tus.route("/<id_>", methods=["GET", "HEAD", "PATCH", "DELETE", "POST"], provide_automatic_options=False)
def one(id_: str) -> Response:
    """Continue an upload, end it, or ask how it is; see docs/resumable.md."""
    method = _method()
    if method != "GET" or "Tus-Resumable" in request.headers:
        _check_version()
    token = authenticate(UPLOAD)
    does = {"GET": _result, "HEAD": _head, "PATCH": _patch, "DELETE": _delete}.get(method)
    if does is None:
        raise BadRequest(f"an upload takes GET, HEAD, PATCH and DELETE, not {method[:20]!r}")
    return does(id_, token)


def _head(id_: str, token: Token) -> Response:
    partial = _settled_if_whole(parts().resumable.find(token.id, id_), token)
    if partial.refusal:
        raise Gone("the upload was refused; GET tells why")
    response = Response(status=200)
    _tell_offset(response, partial)
    response.headers["Upload-Length"] = str(partial.length)
    if partial.metadata:
        response.headers["Upload-Metadata"] = partial.metadata
    return _tell_end(response, partial)


def _patch(id_: str, token: Token) -> Response:
    tus_headers.check_content_type(request.headers.get("Content-Type"))
    offset = tus_headers.number("Upload-Offset", request.headers.get("Upload-Offset"))
    body, checksum = _body()
    with parts().resumable.hold(parts().resumable.find(token.id, id_)) as held:
        if held.partial.refusal:
            raise Gone("the upload was refused; GET tells why")
        if offset != held.partial.offset:
            at = held.partial.offset
            raise WrongOffset(f"the upload is at byte {at:,}, not at {offset:,}; go on from there", at)
        if (body.length or 0) > (left := held.partial.length - offset):
            raise TooLarge(f"the body has {body.length:,} bytes; {left:,} are left of Upload-Length")
        if not held.partial.is_settled:
            _append(held, body, checksum, token)
        partial = held.partial
    response = Response(status=204)
    _tell_offset(response, partial)
    return _tell_end(response, partial)


def _delete(id_: str, token: Token) -> Response:
    with parts().resumable.hold(parts().resumable.find(token.id, id_)) as held:
        parts().resumable.remove(held.partial)
    return Response(status=204)


def _result(id_: str, token: Token) -> Response:
    resumable = parts().resumable
    partial = resumable.find(token.id, id_)
    if partial.is_whole and not partial.is_settled:
        with suppress(Locked), resumable.hold(partial, is_waiting=False) as held:
            partial = _finished(held, token)
    if not partial.is_settled:
        expires_at = resumable.expires_at(partial).strftime("%Y-%m-%dT%H:%M:%SZ")
        response = jsonify(offset=partial.offset, length=partial.length, expires_at=expires_at)
        response.status_code = 202
        if partial.is_whole:
            response.headers["Retry-After"] = "1"
        return response
    told = answer(resumable.result(partial))
    response = jsonify(told)
    response.headers["Location"] = told["url"]
    return response


def _append(held: Held, body: Arriving, checksum: tus_headers.Checksum | None, token: Token) -> None:
    try:
        held.append(body, checksum=checksum, stop=body.stop)
    except ChecksumMismatch:
        if body.is_cut:
            raise IncompleteBody("the body broke off before its checksum could be checked; send it again") from None
        raise
    _finished(held, token)


def _settled_if_whole(partial: Partial, token: Token) -> Partial:
    """Return the upload as it is once nobody else writes to it; one that a server left behind whole is accepted."""
    if partial.is_settled:
        return partial
    try:
        # Who stores it now needs no help, and need not be waited for.
        with parts().resumable.hold(partial, is_waiting=not partial.is_whole) as held:
            try:
                return _finished(held, token)
            except (Locked, Unavailable):  # later, then; nothing is missing
                return held.partial
    except Locked:
        if partial.is_whole:
            return partial
        raise


def _finished(held: Held, token: Token) -> Partial:
    """Accept an upload that is whole, and return it as it is then."""
    partial = held.partial
    if partial.is_settled:
        return partial
    if not partial.is_whole:
        held.sync()
        return partial
    given = tus_headers.metadata(partial.metadata)
    row = parts().resumable.finish(
        held, lambda: _options(partial.metadata, token), given.get("filename", given.get("name"))
    )
    log.info("uploaded", key=row.key, size=row.size, type=row.content_type, by=token.name)
    parts().counts.accepted(row.content_type, row.size)
    return held.partial


def _options(text: str, token: Token) -> Options:
    now = parts().uploads.clock()
    return read_options(tus_headers.metadata(text).get, now, default_life_s=token.upload_life_s)


def _body() -> tuple[Arriving, tus_headers.Checksum | None]:
    """Return the body, which must be of the right type where there is one, and what it has to be."""
    body = Arriving(request.environ)
    if body.length != 0:
        tus_headers.check_content_type(request.headers.get("Content-Type"))
    return body, tus_headers.checksum(request.headers.get("Upload-Checksum"))


def _check_version() -> None:
    if (given := request.headers.get("Tus-Resumable")) != VERSION:
        raise WrongVersion(f"Tus-Resumable is {(given or 'missing')[:20]}; {VERSION} is spoken here")


def _method() -> str:
    """Return the method that is meant. A read must not become a change: of those no proof is asked for that our own
    page sends them."""
    meant = request.headers.get("X-HTTP-Method-Override", request.method).upper()
    if request.method in SAFE and meant not in SAFE:
        raise BadRequest("X-HTTP-Method-Override goes with POST")
    return meant


def _path(partial: Partial) -> str:
    return f"/api/tus/{partial.id}"


def _tell_offset(response: Response, partial: Partial) -> None:
    response.headers["Upload-Offset"] = str(partial.offset)


def _tell_end(response: Response, partial: Partial) -> Response:
    if partial.key:
        response.headers["Upload-Result"] = _path(partial)
    response.headers["Upload-Expires"] = tus_headers.date(parts().resumable.expires_at(partial))
    return response
