"""The body of an upload that holds no file but fields, the address of a file among them: form-encoded, or JSON."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from ..errors import BadRequest, MissingFile, TooLarge, UnsupportedType
from .form import Form
from .options import NAMES

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MAX_BYTES = 64 * 1024
MAX_FIELDS = 40


def read_fields(form: Form, chunks: Iterator[bytes], content_type: str) -> None:
    """Read the fields of a body, FORM or JSON, into `form`; raise BadRequest, MissingFile, TooLarge, or UnsupportedType
    for a form without an address, which may be an image's bytes that were called one."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_BYTES:
            raise TooLarge(f"the fields have more than {MAX_BYTES:,} bytes")
    for name, value in _form(bytes(body)) if content_type == FORM else _json(bytes(body)):
        form.add_field(name, value)
    if not form.urls and content_type == FORM:
        raise UnsupportedType("a form-encoded body without 'url' is not taken; send multipart/form-data or the image")
    if not form.urls:
        raise MissingFile('there is no address in the body; send {"url": "https://…"}, or the image itself')


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as e:
        raise UnsupportedType(f"the body is no form of at most {MAX_FIELDS} fields in UTF-8") from e


def _json(body: bytes) -> Iterator[tuple[str, str]]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as e:
        raise BadRequest("the body is not JSON") from e
    if not isinstance(given, dict):
        raise BadRequest("the body is no JSON object")
    urls = given.get("url", [])
    yield from (("url", _text("url", one)) for one in (urls if isinstance(urls, list) else [urls]))
    for name in NAMES:
        value = given.get(name)
        if isinstance(value, list):
            yield name, ",".join(_text(name, one) for one in value)
        elif value is not None:
            yield name, _text(name, value)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if not isinstance(value, str):
        raise BadRequest(f"{name} is {str(value)[:40]!r}; give a text")
    return value
