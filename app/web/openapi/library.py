"""Find, look at, edit, replace and delete what was uploaded."""

from ...catalog.records import MAX_TAG, MAX_TAGS
from ...errors import BadRequest, Conflict, NotFound, TooLarge
from ...search import MAX_TEXT, Sort
from ...settings import Settings
from ...tokens import MANAGE
from ..library import DEFAULT_LIMIT, MAX_LIMIT
from .pieces import Json, key_parameter, nothing, operation, parameter, ref, reply
from .schemas import EXPIRY, FLAG, OPTIONS, TAGS, TEXT, TITLE, details_example
from .uploading import OF_A_RAW_BODY, RAW

TAG = "Library"

_SEARCH = """Words, which begin words of titles, file names and tags, and filters: `tag:cat`, `tag:"my cat"`,
`type:png`, `since:2026-11-01`, `until:2026-11`, `on:2025`, `larger:1.5MB`, `smaller:200KB`, `is:favourite`. All has to
hold."""


def paths(settings: Settings) -> Json:
    """Return the routes of web/library.py, and the deletion of web/api.py."""
    one = {"get": _show(settings), "patch": _edit(settings), "put": _replace(settings), "delete": _delete(settings)}
    return {"/api/uploads": {"get": _list(settings)}, "/api/uploads/{key}": one}


def _curl(settings: Settings, rest: str) -> str:
    return f'curl -H "Authorization: Bearer $TOKEN" {rest.replace("HOST", settings.base_url)}'


def _list(settings: Settings) -> Json:
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    tags = {"type": "array", "items": TEXT, "maxItems": MAX_TAGS}
    album = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
    sort = {"type": "string", "enum": list(map(str, Sort)), "default": Sort.NEWEST.value}
    cursor = {"type": "string", "format": "cursor"}
    may_be_empty = {"allowEmptyValue": True}  # as if it was not there
    found = reply(
        "A page of the live uploads",
        ref("Page"),
        example={"uploads": [details_example(settings)], "next": None},
        Link={"description": 'The page after it, `rel="next"`', "schema": TEXT},
    )
    return operation(
        TAG,
        "listUploads",
        "List and search uploads",
        scopes=[MANAGE],
        is_read=True,
        parameters=[
            parameter("query", "q", _SEARCH, {"type": "string", "maxLength": MAX_TEXT, "format": "search"}),
            parameter("query", "tag", "Has the tag; several: all of them", tags),
            parameter("query", "album", "Is in the album of this number", album, **may_be_empty),
            parameter("query", "sort", "What comes first", sort, **may_be_empty),
            parameter("query", "limit", "How many at most", limit, **may_be_empty),
            parameter("query", "cursor", "The `next` of the page before it", cursor, **may_be_empty),
        ],
        answers={"200": found},
        refused=[BadRequest],
        curl=_curl(settings, "'HOST/api/uploads?q=cat+type:png&limit=10'"),
    )


def _show(settings: Settings) -> Json:
    return operation(
        TAG,
        "showUpload",
        "Look at one upload",
        scopes=[MANAGE],
        is_read=True,
        parameters=[key_parameter()],
        answers={"200": reply("All that is known of it", ref("Details"), example=details_example(settings))},
        refused=[NotFound],
        curl=_curl(settings, "HOST/api/uploads/KEY"),
    )


def _edit(settings: Settings) -> Json:
    common = {"title": TITLE, "tags": TAGS, "expires": EXPIRY, "favourite": FLAG}
    fields = {name: schema | {"description": OPTIONS.get(name, ({}, ""))[1]} for name, schema in common.items()}
    loose = {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in fields.items()}
    tag = {"type": "string", "maxLength": MAX_TAG, "pattern": "^[^,]*$"}
    loose["tags"]["anyOf"].append({"type": "array", "items": tag, "maxItems": MAX_TAGS})
    loose["favourite"] = {"type": "boolean"}
    rest = {"type": "object", "additionalProperties": False, "minProperties": 1}
    return operation(
        TAG,
        "editUpload",
        "Change title, tags, expiry or favourite",
        about="What is left out stays as it is. `null`, or an empty text, takes a title, all tags or the expiry away.",
        scopes=[MANAGE],
        parameters=[key_parameter()],
        body={
            "application/json": {
                "schema": rest | {"properties": loose},
                "example": {"title": "The cat", "favourite": True, "expires": "30d"},
            },
            "application/x-www-form-urlencoded": {"schema": rest | {"properties": fields}},
        },
        answers={"200": reply("What it is then", ref("Details"), example=details_example(settings))},
        refused=[BadRequest, NotFound, TooLarge],
        curl=_curl(settings, """-X PATCH --json '{"title": "The cat", "favourite": true}' HOST/api/uploads/KEY"""),
    )


def _replace(settings: Settings) -> Json:
    about = "Of the same type. Address, title, tags, albums and expiry stay, and the edge is purged."
    flag, words = OPTIONS["keep_metadata"]
    return operation(
        TAG,
        "replaceUpload",
        "Put another image in its place",
        about=about,
        scopes=[MANAGE],
        parameters=[key_parameter(), parameter("query", "keep_metadata", words, flag)],
        body=RAW,
        answers={"200": reply("What it is then", ref("Details"), example=details_example(settings))},
        refused=[*OF_A_RAW_BODY, NotFound, Conflict],
        curl=_curl(settings, "-T picture.png HOST/api/uploads/KEY"),
    )


def _delete(settings: Settings) -> Json:
    about = """Deleting what is gone already is no error. Where the same bytes were uploaded more than once under one
address (`BOWERBIRD_DUPLICATES=same`), one of these uploads is taken back, and the image stays for the others."""
    count = {"type": "integer", "minimum": 1, "description": "How many uploads are left"}
    left = {
        "type": "object",
        "required": ["key", "left"],
        "properties": {
            "key": TEXT,
            "left": count,
        },
    }
    return operation(
        TAG,
        "deleteUpload",
        "Delete one upload",
        about=about,
        scopes=[MANAGE],
        parameters=[key_parameter(), parameter("query", "all", "Delete it for all of them", FLAG)],
        answers={
            "200": reply("Taken back; the image stays for others", left, example={"key": "k7Wq3Zpa.png", "left": 1}),
            "204": nothing("Gone"),
        },
        refused=[BadRequest, NotFound],
        curl=_curl(settings, "-X DELETE HOST/api/uploads/KEY"),
    )
