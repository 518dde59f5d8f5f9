"""The HTTP API: upload, delete."""

import structlog
from flask import Blueprint, Response, jsonify, request

from ..catalog.records import State, Upload
from ..errors import NotFound
from ..tokens import MANAGE, UPLOAD
from ..uploads import Options
from . import parts
from .answer import answer
from .auth import authenticate
from .body import read_upload
from .by_url import fetch_all
from .options import HEADERS, NAMES, flag_of, idempotency_key, read_options

log = structlog.get_logger()

api = Blueprint("api", __name__, url_prefix="/api")


@api.post("/upload")
@api.put("/upload/<path:name>")
def upload(name: str | None = None) -> Response:
    """Take one or many images, or fetch them from where they are, and answer 201 with their addresses; what is refused:
    400 to 415, 422, 429, 503, 507."""
    here = parts()
    settings, max_bytes, spool_dir = here.settings, here.settings.max_upload_bytes, here.settings.data_dir / "spool"
    token = authenticate(UPLOAD)
    here.limits.check_upload(token.id)
    repeat_key = idempotency_key(request.headers.get("Idempotency-Key"))
    form = read_upload(request.environ, max_bytes=max_bytes, spool_dir=spool_dir, name=name)
    try:
        options = _options(form.fields, default_life_s=token.upload_life_s)
        is_on, fetcher = settings.upload_by_url, here.fetcher
        fetch_all(form, fetcher, is_on=is_on, max_bytes=max_bytes, spool_dir=spool_dir)
        rows = here.uploads.accept(form.files, options, token_id=token.id, idempotency_key=repeat_key)
    finally:
        form.close()
    for row in rows:
        log.info("uploaded", key=row.key, size=row.size, type=row.content_type, by=token.name)
        parts().counts.accepted(row.content_type, row.size)
    return _created(rows)


@api.delete("/uploads/<path:key>")
def delete(key: str) -> Response:
    """Delete one upload; 204, also when it is gone already; 404 for a key that never was.

    Where the same bytes were uploaded more than once under one address (BOWERBIRD_DUPLICATES=same), one of these is
    taken back, and the image stays for the others: then 200 with `left`, how many they are; `all=1` deletes it for all.
    """
    authenticate(MANAGE)
    row = parts().catalog.uploads.get(key)
    if row is None or (row.state is State.REFUSED and not row.is_upload):  # it never was one, and stays where it is
        raise NotFound("there is no such upload")
    left = 0
    if flag_of("all", request.args.get("all", "")):
        parts().uploads.delete(key)
    else:
        left = parts().uploads.take_back(key)
    log.info("deleted", key=key, left=left)
    return jsonify(key=key, left=left) if left else Response(status=204)


def _created(rows: list[Upload]) -> Response:
    answers = [answer(row) for row in rows]
    if request.accept_mimetypes.best_match(("application/json", "text/plain")) == "text/plain":
        response = Response("\n".join(one["url"] for one in answers), mimetype="text/plain")
    else:
        response = jsonify(answers[0] | ({"uploads": answers} if len(answers) > 1 else {}))
    response.status_code = 201
    response.headers["Location"] = answers[0]["url"]
    return response


def _options(fields: dict[str, str], *, default_life_s: int | None) -> Options:
    """Return the options of the form, before those of the query, before those of the headers; each of them has to make
    sense, wherever it stands."""
    now, headers = parts().uploads.clock(), request.headers
    places = (
        {name: headers[header] for name, header in HEADERS.items() if header in headers},
        {name: request.args[name] for name in NAMES if name in request.args},
        fields,
    )
    asked: dict[str, str] = {}
    for place in places:
        if place:
            read_options(place.get, now)
            asked |= place
    return read_options(asked.get, now, default_life_s=default_life_s)
