"""The body of an upload, multipart or raw: read as it streams, and counted against what was promised."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from multipart import parse_options_header

from ..errors import (
    BadChunk,
    BadRequest,
    IncompleteBody,
    LengthRequired,
    MissingFile,
    TooLarge,
    UnsupportedType,
)
from ..images import looks_like_image
from ..receiving import Part
from ..spool import meaning
from .fields import FORM, JSON, read_fields
from .form import Form
from .multipart import read_multipart

_CHUNK_BYTES = 1024 * 1024
ENVELOPE_BYTES = 64 * 1024  # what multipart may add to a file of the largest size


def read_upload(environ: Mapping[str, Any], *, max_bytes: int, spool_dir: Path, name: str | None = None) -> Form:
    """Read the request's body: multipart/form-data with parts named `file` or `url`, the raw bytes of one file, or (of
    a POST) the fields of a form or a JSON object, `url` among them.

    `name` is that of a raw body. Raises BadMultipart, BadChunk, IncompleteBody, MissingFile, EmptyFile, LengthRequired,
    TooSlow, TooLarge or UnsupportedType (a form without `url`, or a compressed body); nothing is left on the disk then.
    """
    content_type, options = parse_options_header(environ.get("CONTENT_TYPE") or "")
    is_post = environ["REQUEST_METHOD"] == "POST"
    is_multipart = is_post and content_type.startswith("multipart/")
    length = _length(environ, is_multipart)
    allowed = max_bytes + (ENVELOPE_BYTES if is_multipart else 0)
    if length is not None and length > allowed:
        raise TooLarge(f"the upload has {length:,} bytes; at most {max_bytes:,} are taken")
    if length == 0:
        raise MissingFile("the body is empty; send the image as the multipart part 'file', or as the body itself")

    chunks = _chunks(environ["wsgi.input"], length, allowed, max_bytes)
    form = Form()
    try:
        if is_multipart:
            read_multipart(form, chunks, content_type, options, spool_dir)
        else:
            first = next(chunks, b"")
            # `curl --data-binary` calls every body a form: an image is welcome whatever it is called.
            are_fields = is_post and content_type in (FORM, JSON) and not looks_like_image(first)
            if are_fields:
                read_fields(form, chain((first,), chunks), content_type)
            else:
                _read_raw(form, chain((first,), chunks), spool_dir, name)
    except OSError as e:
        form.close()
        raise meaning(e) from e
    except BaseException:
        form.close()
        raise
    return form


def _length(environ: Mapping[str, Any], is_multipart: bool) -> int | None:
    """Return the Content-Length; None for a chunked body."""
    coding = environ.get("HTTP_CONTENT_ENCODING", "identity")
    if coding.strip().lower() != "identity":
        raise UnsupportedType(f"the body is encoded ({coding[:40]}); send it as it is", coding[:40])
    if transfer := environ.get("HTTP_TRANSFER_ENCODING"):
        if transfer.strip().lower() != "chunked":
            raise BadChunk(f"the transfer coding {transfer[:40]!r} is not taken; send Content-Length")
        if not is_multipart:
            raise LengthRequired("a raw body needs a Content-Length header")
        return None
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        raise LengthRequired("the request has no Content-Length header")
    if not text.isascii() or not text.isdigit():
        raise BadRequest(f"the Content-Length {text[:40]!r} is not a number")
    return int(text)


def _chunks(stream: BinaryIO, length: int | None, allowed: int, max_bytes: int) -> Iterator[bytes]:
    """Yield the body piece by piece, and raise if it is not exactly what was promised."""
    count = 0
    while length is None or count < length:
        chunk = stream.read(_CHUNK_BYTES if length is None else min(_CHUNK_BYTES, length - count))
        if not chunk:
            break
        count += len(chunk)
        if count > allowed:
            raise TooLarge(f"the upload has more than {max_bytes:,} bytes")
        yield chunk
    if length is not None and count < length:
        raise IncompleteBody(f"{length:,} bytes were promised by Content-Length, but {count:,} came")


def _read_raw(form: Form, chunks: Iterator[bytes], spool_dir: Path, name: str | None) -> None:
    part = Part(name, spool_dir)
    try:
        for chunk in chunks:
            part.write(chunk)
        form.files.append(part.received())
    except BaseException:
        part.file.close()
        raise
