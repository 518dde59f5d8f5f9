"""The body of an upload: read as it streams, spooled to disk past 1 MiB, hashed and counted on the way."""

import errno
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from gunicorn.http.errors import ParseException
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from ..errors import (
    BadChunk,
    BadMultipart,
    BadRequest,
    EmptyFile,
    IncompleteBody,
    LengthRequired,
    MissingFile,
    StoreFull,
    StoreUnavailable,
    TooLarge,
    TooSlow,
    UnsupportedType,
)
from ..images import looks_like_image
from ..uploads import Received

SPOOL_BYTES = 1024 * 1024
CHUNK_BYTES = 256 * 1024
ENVELOPE_BYTES = 64 * 1024  # what multipart may add to a file of the largest size
MAX_FILES = 20
MAX_PARTS = 40
MAX_HEADER_BYTES = 8 * 1024
MAX_FIELD_BYTES = 16 * 1024

# RFC 2046, 5.1.1: at most 70 of these; a blank may not be the last one.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@dataclass
class Form:
    """What was sent: the files in their order, and the text fields."""

    files: list[Received] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def close(self) -> None:
        """Give the spooled bytes back to the disk."""
        for received in self.files:
            received.file.close()


def read_upload(environ: Mapping[str, Any], *, max_bytes: int, spool_dir: Path, name: str | None = None) -> Form:
    """Read the request's body: multipart/form-data with parts named `file`, or the raw bytes of one file.

    `name` is that of a raw body. Raises BadMultipart, BadChunk, IncompleteBody, MissingFile, EmptyFile, LengthRequired,
    TooSlow, TooLarge or UnsupportedType (a form-encoded or compressed body); nothing is left on the disk then.
    """
    content_type, options = parse_options_header(environ.get("CONTENT_TYPE") or "")
    is_multipart = content_type.startswith("multipart/") and environ["REQUEST_METHOD"] == "POST"
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
            _read_multipart(form, chunks, content_type, options, spool_dir)
        else:
            _read_raw(form, chunks, content_type, spool_dir, name)
    except OSError as e:
        form.close()
        raise _spool_error(e) from e
    except BaseException:
        form.close()
        raise
    return form


def clean_name(name: str | None) -> str | None:
    """Return a sender's file name as it may be shown: no folders, no control or direction characters, 255 at most.

    >>> clean_name("C:\\\\x\\\\a\\x00b\\u202egnp.exe"), clean_name("../"), clean_name(None)
    ('abgnp.exe', None, None)
    """
    if name is None:
        return None
    return _UNSHOWN.sub("", re.split(r"[/\\]", name)[-1]).strip()[:255] or None


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
        try:
            chunk = stream.read(CHUNK_BYTES if length is None else min(CHUNK_BYTES, length - count))
        except TimeoutError as e:
            raise TooSlow("the body came too slowly; at least 1 KiB a second is needed") from e
        except ParseException as e:
            raise BadChunk("the chunked body is malformed") from e
        except OSError as e:  # the connection broke, or ended within a chunk
            raise IncompleteBody(f"the body broke off after {count:,} bytes") from e
        if not chunk:
            break
        count += len(chunk)
        if count > allowed:
            raise TooLarge(f"the upload has more than {max_bytes:,} bytes")
        yield chunk
    if length is not None and count < length:
        raise IncompleteBody(f"{length:,} bytes were promised by Content-Length, but {count:,} came")


class _Part:
    """A file that is being received."""

    def __init__(self, name: str | None, spool_dir: Path) -> None:
        self.name = clean_name(name)
        self.file = SpooledTemporaryFile(SPOOL_BYTES, dir=spool_dir)  # noqa: SIM115 it outlives this block
        self._sha256 = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes) -> None:
        self._sha256.update(chunk)
        self._size += len(chunk)
        self.file.write(chunk)

    def received(self) -> Received:
        if not self._size:
            raise EmptyFile("the file is empty")
        self.file.seek(0)
        return Received(cast(BinaryIO, self.file), self._size, self._sha256.hexdigest(), self.name)


def _read_raw(form: Form, chunks: Iterator[bytes], content_type: str, spool_dir: Path, name: str | None) -> None:
    part = _Part(name, spool_dir)
    try:
        for number, chunk in enumerate(chunks):
            # `curl --data-binary` calls every body a form. An image is welcome all the same; a form goes no further.
            if number == 0 and content_type == "application/x-www-form-urlencoded" and not looks_like_image(chunk):
                raise UnsupportedType("a form-encoded body is not taken; send multipart/form-data or the raw image")
            part.write(chunk)
        form.files.append(part.received())
    except BaseException:
        part.file.close()
        raise


def _read_multipart(
    form: Form, chunks: Iterator[bytes], content_type: str, options: Mapping[str, str], spool_dir: Path
) -> None:
    if content_type != "multipart/form-data":
        raise UnsupportedType(f"{content_type[:40]} is not taken; send multipart/form-data", content_type[:40])
    boundary = options.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise BadMultipart(
            "the Content-Type has no usable boundary; leave the header to your client, it knows the boundary"
        )
    parser = PushMultipartParser(
        boundary,
        max_header_size=MAX_HEADER_BYTES,
        max_segment_count=MAX_PARTS,
        header_charset="latin-1",  # never fails; _text() reads what it really is
    )
    reader = _PartReader(form, spool_dir)
    try:
        for chunk in chunks:
            for event in parser.parse(chunk):
                reader.take(event)
        parser.close()
    except ParserLimitReached as e:
        raise TooLarge(f"the multipart body is over a limit: {_reason(e)}") from e
    except MultipartError as e:
        raise BadMultipart(f"the multipart body is malformed: {_reason(e)}") from e
    finally:
        reader.close()
    if not form.files:
        found = ", ".join(repr(name[:20]) for name in reader.other_names[:4]) or "none"
        raise MissingFile(f"there is no file in a part named 'file' (parts found: {found})"[:200])


class _PartReader:
    """Takes the parser's events: the start of a part, its bytes, its end (None)."""

    def __init__(self, form: Form, spool_dir: Path) -> None:
        self.other_names: list[str] = []
        self._form = form
        self._spool_dir = spool_dir
        self._part: _Part | None = None
        self._field: bytearray | None = None
        self._name = ""

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._start(event)
        elif event is None:
            self._end()
        elif self._part:
            self._part.write(bytes(event))
        elif self._field is not None:
            self._field += event
            if len(self._field) > MAX_FIELD_BYTES:
                raise TooLarge(f"the field {self._name[:40]!r} has more than {MAX_FIELD_BYTES:,} bytes")

    def close(self) -> None:
        """Drop what was not received to its end."""
        if self._part:
            self._part.file.close()

    def _start(self, segment: MultipartSegment) -> None:
        self._name = _text(segment.name or "")
        file_name = None if segment.filename is None else _text(segment.filename)
        is_file = file_name is not None or segment.content_type is not None
        if self._name == "file" and not (file_name == "" and segment.header("Content-Length") == "0"):
            if len(self._form.files) == MAX_FILES:
                raise TooLarge(f"there are more than {MAX_FILES} files in one request")
            self._part = _Part(file_name, self._spool_dir)
        else:
            self.other_names.append(self._name)
            self._field = None if is_file else bytearray()

    def _end(self) -> None:
        if part := self._part:
            if part.name is None and not part.file.tell():  # what a browser sends where no file was chosen
                part.file.close()
                self.other_names.append("file, without a file")
            else:
                self._form.files.append(part.received())
            self._part = None
        elif self._field is not None:
            try:
                self._form.fields[self._name] = self._field.decode("utf-8")
            except UnicodeDecodeError as e:
                raise BadRequest(f"the field {self._name[:40]!r} is not UTF-8 text") from e
            self._field = None


def _text(latin_1: str) -> str:
    """Read a part's header as the UTF-8 it is, or leave it as the Latin-1 it was read as."""
    with suppress(UnicodeError):
        return latin_1.encode("latin-1").decode("utf-8")
    return latin_1


def _reason(error: MultipartError) -> str:
    """Return the parser's own words in small letters; they never hold bytes of the body."""
    text = str(error.args[0]) if error.args else "unknown"
    return text[:1].lower() + text[1:]


def _spool_error(error: OSError) -> StoreFull | StoreUnavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull("the server has no room left to receive the upload")
    return StoreUnavailable("the server cannot keep the upload while it is received")
