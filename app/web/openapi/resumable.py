"""Send large files over a bad line, by tus 1.0.0 (https://tus.io/protocols/resumable-upload)."""

from ...errors import (
    BadChunk,
    BadImage,
    BadRequest,
    ChecksumMismatch,
    Conflict,
    EmptyFile,
    Gone,
    IncompleteBody,
    Locked,
    NotFound,
    RateLimited,
    TooLarge,
    UnsupportedType,
    WrongOffset,
    WrongVersion,
)
from ...settings import Settings
from ...tokens import UPLOAD
from .. import tus
from ..tus_headers import ALGORITHMS, CONTENT_TYPE
from .pieces import Json, nothing, operation, parameter, ref, reply, tree
from .schemas import COUNT, MOMENT, TEXT, upload_example
from .uploading import STORING

TAG = "Resumable uploads"

ID = "0123456789abcdef0123456789abcdef"
_VERSION = {"const": tus.VERSION}
_TUS = {"Tus-Resumable": {"description": "The version that is spoken", "schema": _VERSION, "required": True}}
_OFFSET = {"Upload-Offset": {"description": "How many bytes have arrived, for good", "schema": COUNT, "required": True}}
_EXPIRES = {"Upload-Expires": {"description": "When it is forgotten", "schema": TEXT, "required": True}}
_RESULT = {"Upload-Result": {"description": "Where the image is told of, once the last byte came", "schema": TEXT}}
_LENGTH = {"Upload-Length": {"description": "Bytes of the whole", "schema": COUNT, "required": True}}
_READING = (BadRequest, WrongVersion, NotFound, Gone, Locked)
_WRITING = (
    BadRequest,
    EmptyFile,
    IncompleteBody,
    BadChunk,
    WrongVersion,
    TooLarge,
    UnsupportedType,
    *tree(BadImage),
    Locked,
)
_WRITING += (ChecksumMismatch, Conflict, *STORING)
_BODY = {CONTENT_TYPE: {}}


def paths(settings: Settings) -> Json:
    """Return the routes of web/tus.py."""
    given = {"parameters": [parameter("path", "id", "The upload, as Location named it", TEXT, example=ID)]}
    one = {"get": _result(settings), "head": _head(settings), "patch": _patch(settings), "delete": _delete(settings)}
    one |= {"post": _override(settings), "options": _offer(settings, "offeredForOne", f"/api/tus/{ID}")}
    both = {"post": _create(settings), "options": _offer(settings, "offered", "/api/tus")}
    return {"/api/tus": both, "/api/tus/{id}": given | one}


def _version(*, required: bool = True) -> Json:
    return parameter("header", "Tus-Resumable", "The version that is spoken", _VERSION, required=required)


def _checksum() -> Json:
    about = f"An algorithm ({', '.join(ALGORITHMS)}) and the digest of the body in base64"
    return parameter("header", "Upload-Checksum", about, {"type": "string", "format": "checksum", "minLength": 1})


def _offset() -> Json:
    return parameter("header", "Upload-Offset", "Where the body begins", COUNT | {"maximum": 10**15 - 1}, required=True)


def _answered(made: Json) -> Json:
    """Return an operation of which each answer names the version."""
    for status, answer in made["responses"].items():
        answer["headers"] = {**answer.get("headers", {}), **_TUS}
        answer["headers"].pop("Accept-Post", None)
        if status == "412":
            answer["headers"]["Tus-Version"] = {"schema": TEXT, "required": True}
    return made


def _curl(settings: Settings, line: str, path: str = f"/api/tus/{ID}") -> str:
    version = f"-H 'Tus-Resumable: {tus.VERSION}'"
    return f'curl {line} -H "Authorization: Bearer $TOKEN" {version} {settings.base_url}{path}'


def _create(settings: Settings) -> Json:
    about = """With a body its first bytes come with it. `Upload-Metadata` are pairs of a key and a value in base64 with
commas between: `filename`, `expires`, `keep_metadata`, `title`, `tags`."""
    size = {"type": "integer", "minimum": 1, "maximum": settings.max_resumable_bytes}
    answer = nothing("Begun")
    location = {"description": "Its path on this host", "schema": TEXT, "required": True}
    at = {"Upload-Offset": _OFFSET["Upload-Offset"] | {"required": False}}
    answer["headers"] = answer["headers"] | {"Location": location} | _EXPIRES | _RESULT | at
    made = operation(
        TAG,
        "createResumable",
        "Begin an upload",
        about=about,
        scopes=[UPLOAD],
        parameters=[
            _version(),
            parameter("header", "Upload-Length", "Bytes of the whole", size, required=True),
            parameter("header", "Upload-Metadata", "Name and options", {"type": "string", "format": "pairs"}),
            _checksum(),
        ],
        body=_BODY,
        answers={"201": answer},
        refused=[*_WRITING, RateLimited],
        curl=_curl(settings, "-X POST -H 'Upload-Length: 48213'", "/api/tus"),
    )
    made["requestBody"]["required"] = False
    return _answered(made)


def _patch(settings: Settings) -> Json:
    answer = nothing("The bytes have arrived, for good")
    answer["headers"] = answer["headers"] | _OFFSET | _EXPIRES | _RESULT
    made = operation(
        TAG,
        "continueResumable",
        "Send on from where it is",
        about="A body that breaks off counts as far as it came; with a checksum it counts whole or not at all.",
        scopes=[UPLOAD],
        parameters=[_version(), _offset(), _checksum()],
        body=_BODY,
        answers={"204": answer},
        refused=[*_WRITING, NotFound, Gone, WrongOffset],
        curl=_curl(
            settings, f"-X PATCH -H 'Upload-Offset: 0' -H 'Content-Type: {CONTENT_TYPE}' --data-binary @picture.png"
        ),
    )
    return _answered(made)


def _head(settings: Settings) -> Json:
    answer = nothing("How far it is")
    kept = {"Upload-Metadata": {"schema": TEXT}}
    answer["headers"] = answer["headers"] | _OFFSET | _LENGTH | _EXPIRES | _RESULT | kept
    made = operation(
        TAG,
        "resumableOffset",
        "Ask how far it is",
        scopes=[UPLOAD],
        is_read=True,
        parameters=[_version()],
        answers={"200": answer},
        refused=_READING,
        curl=_curl(settings, "-I"),
    )
    for status, refusal in made["responses"].items():
        if status >= "400":
            del refusal["content"]  # of HEAD there is none
    return _answered(made)


def _delete(settings: Settings) -> Json:
    made = operation(
        TAG,
        "endResumable",
        "Give it up",
        about="What came is removed. The image that it may have become stays: it has a deletion URL of its own.",
        scopes=[UPLOAD],
        parameters=[_version()],
        answers={"204": nothing("Gone")},
        refused=_READING,
        curl=_curl(settings, "-X DELETE"),
    )
    return _answered(made)


def _result(settings: Settings) -> Json:
    waiting = {"offset": COUNT, "length": COUNT, "expires_at": MOMENT}
    schema = {"type": "object", "required": list(waiting), "properties": waiting}
    example = {"offset": 16_384, "length": 48_213, "expires_at": "2026-11-26T12:00:00Z"}
    made = operation(
        TAG,
        "resumableResult",
        "Ask what became of it",
        about="A refusal is told as often as it is asked for.",
        scopes=[UPLOAD],
        is_read=True,
        parameters=[_version(required=False)],
        answers={
            "200": reply("The image", ref("Upload"), example=upload_example(settings), Location={"schema": TEXT}),
            "202": reply("Bytes are missing, or it is being stored", schema, example=example),
        },
        refused=[
            BadRequest,
            WrongVersion,
            TooLarge,
            UnsupportedType,
            *tree(BadImage),
            *STORING,
            NotFound,
            Gone,
            Locked,
        ],
        curl=_curl(settings, "-X GET"),
    )
    return _answered(made)


def _override(settings: Settings) -> Json:
    about = "For clients that can send neither PATCH nor DELETE nor HEAD: the rest is as for those."
    method = {"type": "string", "enum": ["PATCH", "DELETE", "HEAD", "GET"]}
    answers = {"200": nothing("As HEAD or GET"), "202": nothing("As GET"), "204": nothing("As PATCH or DELETE")}
    made = operation(
        TAG,
        "overrideResumable",
        "Another method, in a header",
        about=about,
        scopes=[UPLOAD],
        parameters=[
            _version(),
            parameter("header", "X-HTTP-Method-Override", "What is meant", method, required=True),
            _offset() | {"required": False},
            _checksum(),
        ],
        body=_BODY,
        answers=answers,
        refused=[*_WRITING, NotFound, Gone, WrongOffset],
        curl=_curl(settings, "-X POST -H 'X-HTTP-Method-Override: DELETE'"),
    )
    made["requestBody"]["required"] = False
    return _answered(made)


def _offer(settings: Settings, name: str, path: str) -> Json:
    answer = nothing("Version, extensions, size and algorithms")
    told = ("Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm")
    answer["headers"] = answer["headers"] | {header: {"schema": TEXT, "required": True} for header in told}
    made = operation(
        TAG,
        name,
        "Ask what is offered",
        answers={"204": answer},
        curl=f"curl -X OPTIONS {settings.base_url}{path}",
    )
    return _answered(made)
