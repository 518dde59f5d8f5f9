"""A .sxcu as ShareX imports it: fields and defaults, what versions are taken, the old syntax made new.

Source: ShareX 19.0.2, CustomUploader/CustomUploaderItem.cs, HelpersLib/Helpers/{Helpers,JsonHelpers,URLHelpers}.cs.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

from .syntax import Syntax

APP_VERSION = "19.0.2"
DESTINATIONS = ("ImageUploader", "TextUploader", "FileUploader", "URLShortener", "URLSharingService")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
BODIES = ("None", "MultipartFormData", "FormURLEncoded", "JSON", "XML", "Binary")
TEXTS = ("Version", "Name", "RequestURL", "FileFormName", "Data", "URL", "ThumbnailURL", "DeletionURL", "ErrorMessage")
MAPS = ("Parameters", "Headers", "Arguments")
TEMPLATES = ("URL", "ThumbnailURL", "DeletionURL", "ErrorMessage")


class ImportFailed(Exception):
    """ShareX shows this instead of adding the uploader."""


@dataclass
class Item:
    """CustomUploaderItem: `fields` has all fifteen by their names in the file."""

    fields: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def __str__(self) -> str:
        return self["Name"] or _host(self["RequestURL"]) or "Name"

    def request_url(self, syntax: Syntax) -> str:
        """Return the address with its parameters; an empty value is a bare key, and no key is ever encoded."""
        if not self["RequestURL"]:
            raise ImportFailed('"Request URL" must be configured.')
        url = Syntax(syntax.file_name, syntax.input, url_encodes=True).parse(self["RequestURL"])
        url = url if "://" in url else f"https://{url}"
        pairs = [
            f"{key}={_form(value)}" if value else key for key, value in self.expanded("Parameters", syntax).items()
        ]
        return url + ("&" if "?" in url else "?") * bool(pairs) + "&".join(pairs)

    def expanded(self, name: str, syntax: Syntax) -> dict[str, str]:
        """Return Parameters, Headers or Arguments, their values as they are sent."""
        values = Syntax(syntax.file_name, syntax.input, has_name_codes=True)
        return {key: values.parse(value) for key, value in self[name].items()}

    def file_form_name(self) -> str:
        if not self["FileFormName"]:
            raise ImportFailed('"File form name" must be configured.')
        return self["FileFormName"]

    def question(self) -> str:
        """Return what the import asks before it adds anything."""
        words = {"ImageUploader": "images", "TextUploader": "texts", "FileUploader": "files", "URLShortener": "urls"}
        named = "/".join(words[one] for one in DESTINATIONS if one in self["DestinationType"] and one in words)
        if not named:
            return f'Would you like to add "{self}" custom uploader?'
        return f'Would you like to set "{self}" as the active custom uploader for {named}?'


def load(file: bytes) -> Item:
    """Import a .sxcu; raise ImportFailed with what ShareX 17 and newer would show."""
    item = Item(_read(file))
    _check_version(item)
    return item


def _read(file: bytes) -> dict[str, Any]:
    encoding = "utf-16" if file[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        read = json.loads(file.decode(encoding))
    except ValueError as e:
        raise ImportFailed(f"not JSON: {e}") from e
    if not isinstance(read, dict):
        raise ImportFailed("not an object")
    lower = {name.lower(): value for name, value in read.items()}
    given = {name: read.get(name, lower.get(name.lower())) for name in (*TEXTS, *MAPS)}
    fields: dict[str, Any] = {name: _text(given[name]) for name in TEXTS}
    for name in MAPS:
        pairs = given[name].items() if isinstance(given[name], dict) else ()
        fields[name] = {key: _text(value) for key, value in pairs if not isinstance(value, dict | list)}
    words = [word.strip().lower() for word in str(lower.get("destinationtype", "None")).split(",")]
    known = {one.lower(): one for one in DESTINATIONS}
    # Json.NET's errors are swallowed: one unknown word leaves the whole field at its default.
    fields["DestinationType"] = {known[word] for word in words} if set(words) <= set(known) else set()
    fields["RequestMethod"] = _word(lower.get("requestmethod"), METHODS, "POST")
    fields["Body"] = _word(lower.get("body"), BODIES, "None")
    return fields


def _text(value: Any) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)


def _word(value: Any, words: tuple[str, ...], default: str) -> str:
    return next((word for word in words if word.lower() == str(value).strip().lower()), default)


def version(text: str) -> tuple[int, ...]:
    """Return System.Version.Parse(text), missing parts as 0."""
    if not re.fullmatch(r"\d+(\.\d+){1,3}", text):
        raise ImportFailed(f"Version string portion was too short, too long or not a number: {text}")
    parts = [int(part) for part in text.split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


def _check_version(item: Item) -> None:
    """CheckBackwardCompatibility: refuse the oldest, move a query into Parameters, migrate what is old."""
    if not item["Version"] or version(item["Version"]) <= version("12.3.1"):
        raise ImportFailed(f"Unsupported custom uploader: {item}")
    url, _, query = (item["RequestURL"] or "").partition("?")
    if query:
        item.fields["RequestURL"] = url
        for key, value in parse_qsl(query, keep_blank_values=True):
            item["Parameters"].setdefault(key, value)
    if version(item["Version"]) > version("13.7.1"):
        return
    for name in ("RequestURL", *TEMPLATES):
        item.fields[name] = migrate(item[name])
    for name in MAPS:
        item.fields[name] = {key: migrate(value) for key, value in item[name].items()}
    for word in ("input", "filename"):
        item.fields["Data"] = re.sub(rf"(?i)\${word}\$", f"{{{word}}}", item["Data"] or "")
    item.fields["Version"] = APP_VERSION


def migrate(text: str | None) -> str | None:
    """MigrateOldSyntax: `$` opens and closes by turns, a backslash goes with what it stands before, braces are escaped.

    >>> migrate("$json:url$"), migrate("{json:url}"), migrate("a\\\\b$x$")
    ('{json:url}', '\\\\{json:url\\\\}', 'a{x}')
    """
    output, is_open, i = "", False, 0
    while text and i < len(text):
        c = text[i]
        if c == "$":
            output, is_open = output + ("}" if is_open else "{"), not is_open
        elif c == "\\":
            i += 1
        else:
            output += f"\\{c}" if c in "{}" else c
        i += 1
    return output if text else text


def _host(url: str | None) -> str | None:
    return (urlsplit(url or "").hostname or "").removeprefix("www.") or url


def _form(value: str) -> str:
    """HttpUtility.UrlEncode: lower-case hex, and `()*!` as they are.

    >>> _form("a b~é(!)'")
    'a+b%7e%c3%a9(!)%27'
    """
    encoded = quote_plus(value, safe="()*!-_.").replace("~", "%7E")
    return re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), encoded)
