"""app/web/multipart.py with bodies of any parts, which another reader reads alike, and with mangled ones."""

import hashlib
import io
import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.formparser import FormDataParser

from app.errors import Refused
from app.web.form import Form
from app.web.multipart import read_multipart
from fuzz import targets
from tests.hostile.examples import examples

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\r\n\0"\\'), max_size=20)
DATA = st.binary(max_size=300) | st.sampled_from([b"\r\n", b"\r", b"\r\n--", b"\r\n--b", b"--b--\r\n", b"\n--b\n"])


@dataclass(frozen=True)
class Sent:
    name: str
    file_name: str | None
    content_type: str | None
    data: bytes

    def encoded(self) -> bytes:
        lines = [f'Content-Disposition: form-data; name="{self.name}"']
        if self.file_name is not None:
            lines[0] += f'; filename="{self.file_name}"'
        if self.content_type is not None:
            lines.append(f"Content-Type: {self.content_type}")
        return "\r\n".join([*lines, "", ""]).encode() + self.data


FILES = st.builds(
    Sent,
    st.sampled_from(["file", "file", "other"]),
    TEXT.filter(bool),
    st.sampled_from([None, "image/png", "text/plain; charset=utf-7", "application/octet-stream"]),
    DATA.filter(bool),
)
FIELDS = st.builds(
    Sent, st.sampled_from(["title", "tags", "expires"]) | TEXT.filter(bool), st.none(), st.none(), TEXT.map(str.encode)
)
FIELDS = FIELDS.filter(lambda one: one.name not in ("file", "url"))
PARTS = st.lists(FILES | FIELDS, min_size=1, max_size=8)
BOUNDARIES = st.text("0123456789abcXYZ'()+_,-./:=?", min_size=1, max_size=70)


def body(parts: list[Sent], boundary: str, preamble: bytes = b"", epilogue: bytes = b"") -> bytes:
    mark = b"--" + boundary.encode()
    return preamble + b"".join(mark + b"\r\n" + one.encoded() + b"\r\n" for one in parts) + mark + b"--\r\n" + epilogue


def read(data: bytes, boundary: str, tmp_path, size: int = 7) -> Form:
    form = Form()
    chunks = (data[at : at + size] for at in range(0, len(data), size))
    try:
        read_multipart(form, chunks, "multipart/form-data", {"boundary": boundary}, tmp_path)
    except Refused:
        form.close()
        raise
    return form


@examples(60)
@given(parts=PARTS, boundary=BOUNDARIES, size=st.integers(1, 400))
def test_what_is_well_formed_is_read_as_another_reader_reads_it(tmp_path, parts, boundary, size):
    mark = re.compile(rb"[\r\n]--" + re.escape(boundary.encode()))  # the other takes half a line break for a whole one
    if any(mark.search(b"\n" + one.encoded()) for one in parts) or not any(one.name == "file" for one in parts):
        return
    data = body(parts, boundary)
    parser = FormDataParser(stream_factory=lambda *_, **__: io.BytesIO())
    _, fields, files = parser.parse(io.BytesIO(data), "multipart/form-data", len(data), {"boundary": boundary})

    expected = Counter(hashlib.sha256(one.read()).hexdigest() for one in files.getlist("file"))
    with closing(read(data, boundary, tmp_path, size)) as form:
        assert Counter(one.sha256 for one in form.files) == expected
        assert form.fields == {name: values[-1] for name, values in fields.lists()}


@examples(80)
@given(data=st.data())
def test_a_body_that_is_mangled_is_taken_or_refused_by_name(tmp_path, data):
    whole = bytearray(body(data.draw(PARTS), "b", data.draw(DATA), data.draw(DATA)))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 12))] = data.draw(DATA)

    try:
        read(bytes(whole), "b", tmp_path, data.draw(st.integers(1, 400))).close()
    except Refused as e:
        assert 0 < len(str(e)) <= 200 and not any(ord(letter) < 32 for letter in str(e))


@examples(60)
@given(st.binary(max_size=400) | PARTS.map(lambda parts: b"\5" + body(parts, targets.BOUNDARY)))
def test_what_is_in_a_body_does_not_depend_on_how_it_comes(data):
    targets.multipart(data)
