"""JSON as Json.NET reads it for `{json:path}`: paths, and what becomes of a value as text.

Source: CustomUploaderFunctionJson.cs, Newtonsoft.Json 13 Linq/JsonPath/JPath.cs.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

_STEP = re.compile(
    r"(?P<deep>\.\.)?\.?(?P<name>[^.\[\]() ]+)"
    r"|\[(?P<quoted>'(?:[^'\\]|\\.)*'(?:\s*,\s*'(?:[^'\\]|\\.)*')*)\]"
    r"|\[(?P<numbers>\d+(?:\s*,\s*\d+)*)\]"
    r"|\[(?P<start>-?\d*):(?P<stop>-?\d*)(?::(?P<step>-?\d*))?\]"
    r"|\[(?P<all>\*)\]"
    r"|\.(?=\[)"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)?")


class JsonReaderException(ValueError):
    """What is no JSON."""


class JsonException(ValueError):
    """A path that is malformed, or finds more than one value."""


def select(text: str, path: str) -> str | None:
    """Return `(string)JToken.Parse(text).SelectToken(path)`; None for no match and for null."""
    try:
        root = json.loads(text)
    except ValueError as e:
        raise JsonReaderException(str(e)) from e
    found = _follow(root, path if path.startswith("$.") else f"$.{path}")
    if len(found) > 1:
        raise JsonException("Path returned multiple tokens.")
    return as_text(found[0]) if found else None


def as_text(value: Any) -> str | None:
    """Return a value as .NET's cast makes it text: invariant, True and False, dates written anew."""
    if isinstance(value, dict | list):
        kind = "Object" if isinstance(value, dict) else "Array"
        raise JsonException(f"Can not convert {kind} to String.")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str) and _DATE.fullmatch(value):
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment  # the PC's own time: here UTC
        return moment.strftime("%m/%d/%Y %H:%M:%S")
    return None if value is None else str(value)


def _follow(root: Any, path: str) -> list[Any]:
    values, at = [root], 1
    while at < len(path):
        step = _STEP.match(path, at)
        if not step:
            raise JsonException(f"Unexpected character while parsing path: {path[at:]}")
        if step.group() != ".":
            values = [found for value in values for found in _step(value, step)]
        at = step.end()
    return values


def _step(value: Any, step: re.Match[str]) -> list[Any]:
    if step["name"] is not None:
        within = _all(value) if step["deep"] else [value]
        return [found for one in within for found in _named(one, [step["name"]])]
    if step["quoted"] is not None:
        return _named(value, [name[1:-1] for name in re.findall(r"'(?:[^'\\]|\\.)*'", step["quoted"])])
    if not isinstance(value, list):
        return list(value.values()) if step["all"] and isinstance(value, dict) else []
    if step["numbers"] is not None:
        return [value[int(number)] for number in step["numbers"].split(",") if int(number) < len(value)]
    if step["all"]:
        return value
    return value[slice(*(int(step[name]) if step[name] else None for name in ("start", "stop", "step")))]


def _named(value: Any, names: list[str]) -> list[Any]:
    if names == ["*"]:
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value[name] for name in names if name in value] if isinstance(value, dict) else []


def _all(value: Any) -> list[Any]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(deeper for child in children for deeper in _all(child))]
