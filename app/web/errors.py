"""How an error is answered: one table from error to status, one shape of JSON, and a page for those who read HTML."""

import re

import structlog
from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from .. import errors, request_ids
from . import parts

log = structlog.get_logger()

# The first class in an error's own order of bases that stands here decides.
STATUS: dict[type[errors.BowerbirdError], int] = {
    errors.BadRequest: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.TooSlow: 408,
    errors.Conflict: 409,
    errors.NameTaken: 409,
    errors.LengthRequired: 411,
    errors.WrongVersion: 412,
    errors.TooLarge: 413,
    errors.UnsupportedType: 415,
    errors.BadImage: 422,
    errors.FetchFailed: 422,
    errors.Locked: 423,
    errors.RateLimited: 429,
    errors.ChecksumMismatch: 460,
    errors.NotOffered: 501,
    errors.StoreMisconfigured: 502,
    errors.EdgeMisconfigured: 502,
    errors.Unavailable: 503,
    errors.StoreFull: 507,
    errors.QuotaExceeded: 507,
    errors.BowerbirdError: 500,
}

# What the framework itself refuses, in our words.
_HTTP = {
    400: ("bad_request", "the request is malformed"),
    404: ("not_found", "there is nothing at this address"),
    405: ("method_not_allowed", "this address does not take that method"),
    413: ("too_large", "the body is too large for this address"),
    415: ("unsupported_type", "this address does not take that kind of body"),
}
_UPLOADS = frozenset({"api.upload", "tus.create", "tus.one", "library.replace_image"})
_FOR_PROGRAMS = ("/api", "/hooks", "/metrics")
_INTERNAL = "something went wrong here; it is logged under the request id"


def status_of(error: errors.BowerbirdError) -> int:
    """Return the HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def install(app: Flask) -> None:
    """Let `app` answer every error in one shape: `{"error", "code", "request_id"}`, or a page."""
    app.register_error_handler(errors.BowerbirdError, _ours)
    app.register_error_handler(HTTPException, _framework)
    app.register_error_handler(Exception, _unforeseen)


def one_line(text: str) -> str:
    """Return `text` as one line of at most 200 characters, which is what ShareX shows."""
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= 200 else text[:199] + "…"


def _count_refusal(code: str) -> None:
    if request.endpoint in _UPLOADS and request.method in ("POST", "PUT", "PATCH"):
        parts().counts.refused(code)


def _ours(error: errors.BowerbirdError) -> Response:
    status = status_of(error)
    _count_refusal(error.code)
    if status >= 500:
        log.error("failed", code=error.code, error=str(error), exc_info=error.__cause__)
    else:
        log.info("refused", code=error.code, status=status, error=one_line(str(error)))
    response = _answer(status, error.code, str(error))
    if isinstance(error, errors.UnsupportedType):
        response.headers["Accept-Post"] = ", ".join(("multipart/form-data", "image/*", *parts().settings.video_types))
    if isinstance(error, errors.WrongOffset):
        response.headers["Upload-Offset"] = str(error.offset)
    if retry_after_s := getattr(error, "retry_after_s", None):
        response.headers["Retry-After"] = str(retry_after_s)
    if isinstance(error, errors.Unauthorized):
        response.headers["WWW-Authenticate"] = 'Bearer realm="bowerbird"'
    return response


def _framework(error: HTTPException) -> Response:
    status = error.code or 500
    if 300 <= status < 400:
        return Response(error.get_response(request.environ).response, status, error.get_headers(request.environ))
    code, message = _HTTP.get(status, (re.sub(r"\W+", "_", error.name.lower())[:20], error.name.lower()))
    response = _answer(status, code, message)
    for name in ("Allow", "Retry-After", "Content-Range"):
        if value := dict(error.get_headers(request.environ)).get(name):
            response.headers[name] = value
    return response


def _unforeseen(error: Exception) -> Response:
    # The last resort: whatever it is, the client gets the one shape, and the log gets the trace.
    log.error("failed", code="internal_error", exc_info=error)
    _count_refusal("internal_error")
    return _answer(500, "internal_error", _INTERNAL)


def _answer(status: int, code: str, message: str) -> Response:
    message = one_line(message)
    if "text/html" in request.headers.get("Accept", "") and not request.path.startswith(_FOR_PROGRAMS):
        response = _page(status, message)
    else:
        response = jsonify(error=message, code=code, request_id=request_ids.current())
    response.status_code = status
    return response


def _page(status: int, message: str) -> Response:
    request_id = request_ids.current()
    shown = {"title": _title(status), "message": message, "status": status, "request_id": request_id}
    return Response(render_template("error.html", **shown))


def _title(status: int) -> str:
    return {404: "Nothing here", 429: "A little slower, please"}.get(status, "That did not work")
