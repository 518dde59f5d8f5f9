"""The file name in a part's header, in all the forms that clients write it.

Browsers write a quote as %22. ShareX writes the name as it is, quotes and all. .NET's HttpClient encodes it as mail
does (RFC 2047), and adds `filename*` (RFC 5987), which RFC 7578 forbids and many libraries send.
"""

import re
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from urllib.parse import unquote_to_bytes

_RAW = re.compile(r'form-data; name="[^"]*"; filename="(.*)"')
_QUOTED = re.compile(r'(?:[^"\\]|\\.)*')  # RFC 9110, 5.6.4: no quote without a backslash before it
_PARAMETER = re.compile(r'"\s*;\s*[\w*-]+\s*=')
_WORD = r"=\?[\w-]+\?[BbQq]\?[^?\s]*\?="
_WORDS = re.compile(rf"{_WORD}(?:\s+{_WORD})*", re.ASCII)  # an encoding has an ASCII name
_STRING = re.compile(r'"[^"]*"')
_EXTENDED = re.compile(r""";\s*filename\*\s*=\s*([\w-]+)'[\w-]*'([^;\s"]+)""", re.IGNORECASE)


def file_name_of(disposition: str, parsed: str | None) -> str | None:
    """Return the name that a Content-Disposition header gives a file, None where it gives none.

    `disposition` is the header read as Latin-1, `parsed` what the multipart parser took for the name in it.

    >>> file_name_of('form-data; name="file"; filename="say "hi".png"', "say ")
    'say "hi".png'
    >>> file_name_of("form-data; name=file; filename=x; filename*=utf-8''%C3%A9.png", "x")
    'é.png'
    >>> file_name_of('form-data; name=file; filename="=?utf-8?B?w6kucG5n?="', "=?utf-8?B?w6kucG5n?=")
    'é.png'
    """
    if (name := _extended(disposition)) is not None:
        return name
    raw = _RAW.fullmatch(disposition)
    if raw and not _QUOTED.fullmatch(raw[1]) and not _PARAMETER.search(raw[1]):
        parsed = raw[1]
    return None if parsed is None else _decoded(as_text(parsed))


def as_text(latin_1: str) -> str:
    """Return a part's header as the UTF-8 it is, or leave it as the Latin-1 it was read as."""
    with suppress(UnicodeError):
        return latin_1.encode("latin-1").decode("utf-8")
    return latin_1


def _extended(disposition: str) -> str | None:
    if found := _EXTENDED.search(_STRING.sub('""', disposition)):
        with suppress(LookupError, UnicodeError):
            return unquote_to_bytes(found[2]).decode(found[1])
    return None


def _decoded(name: str) -> str:
    if _WORDS.fullmatch(name):
        with suppress(HeaderParseError, LookupError, ValueError):
            return str(make_header(decode_header(name)))
    return name
