"""multipart/form-data, parsed as it streams. Source: RFC 7578, RFC 2046."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from ..errors import BadMultipart, BadRequest, MissingFile, TooLarge, UnsupportedType
from ..receiving import Part
from .form import Form
from .part_names import as_text, file_name_of

MAX_PARTS = 40
MAX_HEADER_BYTES = 8 * 1024
MAX_FIELD_BYTES = 16 * 1024

# RFC 2046, 5.1.1: at most 70 of these; a blank may not be the last one.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")


def read_multipart(
    form: Form, chunks: Iterator[bytes], content_type: str, options: Mapping[str, str], spool_dir: Path
) -> None:
    """Read a multipart/form-data body into `form`; raise BadMultipart, MissingFile, EmptyFile, TooLarge."""
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
        header_charset="latin-1",  # never fails; as_text() reads what it really is
    )
    reader = _Parts(form, spool_dir)
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
    if not form.files and not form.urls:
        found = ", ".join(repr(name[:20]) for name in reader.other_names[:4]) or "none"
        raise MissingFile(f"there is no file in a part named 'file' (parts found: {found})"[:200])


class _Parts:
    """Takes the parser's events: the start of a part, its bytes, its end (None)."""

    def __init__(self, form: Form, spool_dir: Path) -> None:
        self.other_names: list[str] = []
        self._form = form
        self._spool_dir = spool_dir
        self._part: Part | None = None
        self._field: bytearray | None = None
        self._name = ""

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._start(event)
        elif event is None:
            self._end()
        elif self._part:
            self._part.write(event)
        elif self._field is not None:
            self._field += event
            if len(self._field) > MAX_FIELD_BYTES:
                raise TooLarge(f"the field {self._name[:40]!r} has more than {MAX_FIELD_BYTES:,} bytes")

    def close(self) -> None:
        """Drop what was not received to its end."""
        if self._part:
            self._part.file.close()

    def _start(self, segment: MultipartSegment) -> None:
        self._name = as_text(segment.name or "")
        file_name = file_name_of(segment.header("Content-Disposition", ""), segment.filename)
        is_file = file_name is not None or segment.content_type is not None
        if self._name == "file" and not (file_name == "" and segment.header("Content-Length") == "0"):
            self._form.check_room()
            self._part = Part(file_name, self._spool_dir)
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
                self._form.add_field(self._name, self._field.decode("utf-8"))
            except UnicodeDecodeError as e:
                raise BadRequest(f"the field {self._name[:40]!r} is not UTF-8 text") from e
            self._field = None


def _reason(error: MultipartError) -> str:
    """Return the parser's own words in small letters; they never hold bytes of the body."""
    text = str(error.args[0]) if error.args else "unknown"
    return text[:1].lower() + text[1:]
