"""Send images."""

from ...errors import (
    BadAddress,
    BadImage,
    BadMultipart,
    BadRequest,
    Conflict,
    FetchFailed,
    LengthRequired,
    QuotaExceeded,
    RateLimited,
    StoreFull,
    StoreMisconfigured,
    StoreUnavailable,
    TooLarge,
    TooSlow,
    Unavailable,
    UnsupportedType,
)
from ...settings import Settings
from ...tokens import UPLOAD
from ...uploads import REPEAT_S
from ..form import MAX_FILES
from ..options import HEADERS
from .pieces import Json, operation, parameter, ref, reply, tree
from .schemas import OPTIONS, TEXT, URL, upload_example

TAG = "Upload"

RAW = {"image/*": {}, "application/octet-stream": {}}
STORING = (Unavailable, StoreUnavailable, StoreMisconfigured, StoreFull, QuotaExceeded)
OF_A_RAW_BODY = (
    *(kind for kind in tree(BadRequest) if kind not in (BadMultipart, BadAddress)),
    *(LengthRequired, TooSlow, TooLarge, UnsupportedType, *tree(BadImage), RateLimited),
    *STORING,
)

_ABOUT = f"""Multipart with one or more parts `file`, or the raw image as the body (`curl --data-binary`), whose type is
seen from the bytes. All files of a request are taken, at most {MAX_FILES}, or none. Where `BOWERBIRD_UPLOAD_BY_URL` is
on, the server fetches what the fields `url` name; else they are refused by 403.

A repeat of the same bytes and options within {REPEAT_S} seconds, or with the same `Idempotency-Key` within a day, gets
the first answer. Options stand in the form, in the query or in headers; the form's come first, then the query's."""


def paths(settings: Settings) -> Json:
    """Return the routes of web/api.py that take uploads."""
    curl = f'curl -H "Authorization: Bearer $TOKEN" -F file=@picture.png {settings.base_url}/api/upload'
    put = f'curl -H "Authorization: Bearer $TOKEN" -T picture.png {settings.base_url}/api/upload/picture.png'
    post = operation(
        TAG,
        "upload",
        "Upload images",
        about=f"{_ABOUT} At most {settings.max_upload_bytes:,} bytes are taken.",
        scopes=[UPLOAD],
        parameters=_options(),
        body=_bodies(),
        answers={"201": _created(settings)},
        refused=(*OF_A_RAW_BODY, BadMultipart, BadAddress, FetchFailed, Conflict),
        curl=curl,
    )
    name = parameter("path", "name", "The file's name, for display", {**TEXT, "minLength": 1}, example="picture.png")
    by_name = operation(
        TAG,
        "uploadByName",
        "Upload an image that is the body",
        about="As `curl -T` sends it. The rest is as for `POST /api/upload`.",
        scopes=[UPLOAD],
        parameters=(name, *_options()),
        body=RAW,
        answers={"201": _created(settings)},
        refused=(*OF_A_RAW_BODY, Conflict),
        curl=put,
    )
    return {"/api/upload": {"post": post}, "/api/upload/{name}": {"put": by_name}}


def _options() -> list[Json]:
    repeat = {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"}
    made = [parameter("header", "Idempotency-Key", "A repeat with the same one gets the first answer", repeat)]
    for name, (schema, about) in OPTIONS.items():
        header = HEADERS[name]
        made += [parameter("query", name, about, schema), parameter("header", header, about, schema)]
    return made


def _bodies() -> Json:
    fields = {name: schema | {"description": about} for name, (schema, about) in OPTIONS.items()}
    file = {"type": "array", "items": {"type": "string", "contentMediaType": "image/*", "minLength": 1}, "minItems": 1}
    urls = {"type": "array", "items": URL, "minItems": 1, "maxItems": MAX_FILES}
    form = {
        "type": "object",
        "properties": {"file": file | {"maxItems": MAX_FILES}, "url": urls, **fields},
        "anyOf": [{"required": ["file"]}, {"required": ["url"]}],
    }
    encoded = {"type": "object", "properties": {"url": urls, **fields}, "required": ["url"]}
    tags = {"anyOf": [fields["tags"], {"type": "array", "items": TEXT}]}
    flag = {"anyOf": [fields["keep_metadata"], {"type": "boolean"}]}
    loose = {"url": {"anyOf": [URL, urls]}, **fields, "tags": tags, "keep_metadata": flag}
    given = {"type": "object", "properties": loose, "required": ["url"]}
    return {
        "multipart/form-data": {"schema": form, "encoding": {"file": {"contentType": "image/*"}}},
        "application/x-www-form-urlencoded": {"schema": encoded},
        "application/json": {"schema": given, "example": {"url": "https://example.com/cat.png", "title": "A cat"}},
        **RAW,
    }


def _created(settings: Settings) -> Json:
    location = {"description": "The address of the first", "schema": URL, "required": True}
    made = reply("Stored, for good", ref("Answer"), example=upload_example(settings), Location=location)
    made["content"]["text/plain"] = {
        "schema": TEXT | {"description": "With `Accept: text/plain`: the addresses alone, one a line"},
        "example": upload_example(settings)["url"],
    }
    return made
