"""The schemas of the document: what an upload looks like, and what can be asked for it."""

from typing import Any

from ...catalog.records import MAX_TAG, MAX_TAGS, MAX_TITLE, Thumbnail
from ...settings import Settings
from ..options import NO, YES
from .pieces import KEY, Json, ref

TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
MOMENT = {"type": "string", "format": "date-time"}
URL = {"type": "string", "format": "uri"}
FLAG = {"type": "string", "enum": [*YES, *NO]}
EXPIRY = {"type": "string", "format": "expiry"}
TITLE = {"type": "string", "maxLength": MAX_TITLE}
TAGS = {"type": "string", "pattern": f"^[^,]{{0,{MAX_TAG}}}(,[^,]{{0,{MAX_TAG}}}){{0,{MAX_TAGS - 1}}}$"}

# What is asked for beside an upload: name, schema and what it means, in forms, in the query and as a header.
OPTIONS: dict[str, tuple[Json, str]] = {
    "expires": (
        EXPIRY,
        "When it goes: a span such as `1h`, `7d` or `2w`, an ISO date (UTC) within the next hundred years, or `never`",
    ),
    "keep_metadata": (FLAG, "Keep EXIF, XMP, IPTC and comments, in any case of letters"),
    "title": (TITLE, f"At most {MAX_TITLE} characters"),
    "tags": (TAGS, f"At most {MAX_TAGS}, of {MAX_TAG} characters each, with commas between; kept in small letters"),
}


def schemas(settings: Settings) -> Json:
    """Return the schemas by their names."""
    return {"Upload": _upload(settings), "Details": _details(), "Answer": _answer(), "Page": _page(), "Error": _error()}


def upload_example(settings: Settings) -> Json:
    """Return an upload as its sender is answered."""
    return {
        "url": f"{settings.public_url}/{KEY}",
        "thumbnail_url": f"{settings.public_url}/t/{KEY.partition('.')[0]}.webp",
        "deletion_url": f"{settings.base_url}/d/{KEY}/pB3mXv9dQeT7wLk2RfHs5A",
        "key": KEY,
        "content_type": "image/png",
        "size": 48213,
        "width": 800,
        "height": 600,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "created_at": "2026-11-23T12:00:00Z",
        "expires_at": None,
    }


def details_example(settings: Settings) -> Json:
    """Return an upload as its owner sees it."""
    return upload_example(settings) | {
        "file_name": "cat.png",
        "title": "Our cat",
        "tags": ["pets", "home"],
        "favourite": False,
        "thumbnail": Thumbnail.MADE.value,
        "blurhash": "LHGSP,Nxxjcr~ovN##viPq:rAHrH",
        "color": "#ae6480",
        "problem": None,
    }


def _upload(settings: Settings) -> Json:
    properties = {
        "url": URL | {"description": "What viewers open"},
        "thumbnail_url": URL | {"description": "There within seconds; 404 until then"},
        "deletion_url": URL | {"description": "A page with a button; DELETE deletes at once. Keep it: it is a secret"},
        "key": TEXT | {"description": "Its name in the bucket"},
        "content_type": {"type": "string", "pattern": "^[a-z]+/[-+.a-z0-9]+$"},
        "size": COUNT | {"description": "Bytes as they are stored"},
        "width": COUNT,
        "height": COUNT,
        "sha256": {"type": "string", "description": "Of the stored bytes, in hex"},
        "created_at": MOMENT,
        "expires_at": _or_null(MOMENT),
        "view_url": URL | {"description": "A page of the image; only where BOWERBIRD_VIEW_PAGES is on"},
        "converted_from": TEXT | {"description": "The content type that was sent; only where it was converted"},
    }
    return {"type": "object", "required": list(upload_example(settings)), "properties": properties}


def _details() -> Json:
    properties = {
        "file_name": _or_null(TEXT) | {"description": "The sender's"},
        "title": _or_null(TITLE),
        "tags": {"type": "array", "items": TEXT, "maxItems": MAX_TAGS},
        "favourite": {"type": "boolean"},
        "thumbnail": {"enum": [one.value for one in Thumbnail]},
        "blurhash": _or_null(TEXT) | {"description": "See https://blurha.sh"},
        "color": _or_null({"type": "string", "pattern": "^#[0-9a-f]{6}$"}) | {"description": "The most frequent one"},
        "problem": _or_null(TEXT) | {"description": "Why there is no thumbnail, or which frames are damaged"},
    }
    return {"allOf": [ref("Upload"), {"type": "object", "required": list(properties), "properties": properties}]}


def _answer() -> Json:
    uploads = {"type": "array", "items": ref("Upload"), "minItems": 2}
    about = "All of them, where there are several: the fields beside are those of the first"
    return {"allOf": [ref("Upload"), {"type": "object", "properties": {"uploads": uploads | {"description": about}}}]}


def _page() -> Json:
    after = _or_null(TEXT) | {"description": "The cursor of the page after it, null at the end"}
    properties = {"uploads": {"type": "array", "items": ref("Details")}, "next": after}
    return {"type": "object", "required": list(properties), "properties": properties}


def _error() -> Json:
    properties = {
        "error": {"type": "string", "maxLength": 200, "description": "One plain sentence"},
        "code": {"type": "string", "maxLength": 20},
        "request_id": TEXT,
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _or_null(schema: Json) -> dict[str, Any]:
    return schema | {"type": [schema["type"], "null"]}
