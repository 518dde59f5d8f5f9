"""ShareX's template syntax: name codes (`%y`), the parser, and the functions (`{json:url}`).

Source: ShareX 19.0.2, CustomUploader/ShareXSyntaxParser.cs, Functions/*.cs, HelpersLib/NameParser/NameParser.cs.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote
from xml.etree import ElementTree

from . import jsonnet

NOON = datetime(2026, 1, 5, 12, 30, 59)  # noqa: DTZ001 the PC's own time


@dataclass(frozen=True)
class Response:
    """What came back, as a template sees it."""

    status: int
    headers: dict[str, str]
    text: str
    url: str = ""


class SyntaxProblem(Exception):
    """A template that ShareX stops at."""


@dataclass
class Syntax:
    """One use of templates: what `{filename}`, `{input}` and the answer's functions stand for."""

    file_name: str = ""
    input: str = ""
    response: Response | None = None
    url_encodes: bool = False
    has_name_codes: bool = False
    now: datetime = NOON
    shown: list[str] = field(default_factory=list)  # what {outputbox} put on the screen

    def parse(self, text: str | None) -> str:
        """Return what the template becomes."""
        if self.has_name_codes and text:
            text = expand_names(text, self.now)
        return self._parse(text, False, 0)[0] if text else ""

    def _parse(self, text: str, is_function: bool, start: int) -> tuple[str, int]:
        """Return the output and the place where it stopped; an open brace may stay open."""
        output, is_escaped, i = "", False, start
        while i < len(text):
            c = text[i]
            if not is_escaped:
                if c == "{":
                    inner, i = self._parse(text, True, i + 1)
                    output, i = output + inner, i + 1
                    continue
                if c in "}|":
                    break
                if c == "\\":
                    is_escaped, i = True, i + 1
                    continue
                if is_function and c == ":":
                    parameters, i = self._parameters(text, i)
                    return self._call(output, parameters), i
            is_escaped, output, i = False, output + c, i + 1
        return (self._call(output, []) if is_function else output), i

    def _parameters(self, text: str, i: int) -> tuple[list[str], int]:
        parameters = []
        while True:
            parsed, i = self._parse(text, False, i + 1)
            parameters.append(parsed)
            if i >= len(text) or text[i] != "|":
                return parameters, i

    def _call(self, name: str, parameters: list[str]) -> str:
        if not name:
            raise SyntaxProblem("Function name cannot be empty.")
        if name.lower() not in FUNCTIONS:
            raise SyntaxProblem(f"Invalid function name: {name}")
        least, function = FUNCTIONS[name.lower()]
        if len(parameters) < least:
            raise SyntaxProblem(f'Minimum parameter count for function "{name.lower()}" is {least}.')
        return function(self, parameters) or ""

    def answer(self) -> Response:
        """Return the answer; a template of the request has none, and ShareX falls over it."""
        if self.response is None:
            raise SyntaxProblem("Object reference not set to an instance of an object.")
        return self.response

    def own(self, text: str) -> str:
        return quote(text, safe="-._~") if self.url_encodes else text


def _json(syntax: Syntax, given: list[str]) -> str | None:
    text, path = given[:2] if len(given) > 1 else (syntax.answer().text, given[0])
    return jsonnet.select(text, path) if text and path else None


def _regex(syntax: Syntax, given: list[str]) -> str | None:
    text, given = (given[0], given[1:]) if len(given) > 2 else (syntax.answer().text, given)
    group = given[1] if len(given) > 1 else ""
    found = re.search(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", given[0]), text) if text and given[0] else None
    if not found:
        return None
    try:
        return found[int(group) if group.isdigit() else group or 0]
    except IndexError:
        return None  # an unknown group is an empty one


def _xml(syntax: Syntax, given: list[str]) -> str | None:
    text, path = given[:2] if len(given) > 1 else (syntax.answer().text, given[0])
    root = ElementTree.Element("document")
    root.append(ElementTree.fromstring(text))
    found = root.find("." + path if path.startswith("/") else path)
    return "" if found is None else "".join(found.itertext())


def _header(syntax: Syntax, given: list[str]) -> str | None:
    return syntax.answer().headers.get(given[0].lower())


def _outputbox(syntax: Syntax, given: list[str]) -> None:
    syntax.shown.append(given[-1] if len(given) < 3 else given[1])


# The least number of parameters, and the function. What asks a person takes the first choice or the default.
FUNCTIONS: dict[str, tuple[int, Callable[[Syntax, list[str]], str | None]]] = {
    "response": (0, lambda syntax, _: syntax.answer().text),
    "responseurl": (0, lambda syntax, _: syntax.answer().url),
    "header": (1, _header),
    "json": (1, _json),
    "xml": (1, _xml),
    "regex": (1, _regex),
    "filename": (0, lambda syntax, _: syntax.own(syntax.file_name)),
    "input": (0, lambda syntax, _: syntax.own(syntax.input)),
    "base64": (1, lambda _, given: base64.b64encode(given[0].encode()).decode()),
    "random": (2, lambda _, given: given[0]),
    "select": (1, lambda _, given: next(filter(None, given), None)),
    "inputbox": (0, lambda _, given: given[1] if len(given) > 1 else ""),
    "prompt": (0, lambda _, given: given[1] if len(given) > 1 else ""),
    "outputbox": (1, _outputbox),
}

# In ShareX's own order, which matters: each is replaced wherever it stands.
_CODES: list[tuple[str, Callable[[datetime], str]]] = [
    ("%width", lambda _: ""),
    ("%height", lambda _: ""),
    ("%mon2", lambda now: now.strftime("%B")),
    ("%mon", lambda now: now.strftime("%B")),
    ("%yy", lambda now: now.strftime("%y")),
    ("%y", lambda now: now.strftime("%Y")),
    ("%mo", lambda now: now.strftime("%m")),
    ("%d", lambda now: now.strftime("%d")),
    ("%h", lambda now: now.strftime("%H")),
    ("%mi", lambda now: now.strftime("%M")),
    ("%s", lambda now: now.strftime("%S")),
    ("%ms", lambda now: f"{now.microsecond // 1000:03}"),
    ("%wy", lambda now: now.strftime("%V")),
    ("%w2", lambda now: now.strftime("%A")),
    ("%w", lambda now: now.strftime("%A")),
    ("%pm", lambda now: now.strftime("%p")),
    ("%unix", lambda now: str(int(now.timestamp()))),
    *((code, lambda _: "1") for code in ("%ib", "%iB", "%iAa", "%iaA", "%ia", "%iA", "%ix", "%iX", "%i")),
    ("%un", lambda _: "user"),
    ("%uln", lambda _: "domain"),
    ("%cn", lambda _: "pc"),
    ("%n", lambda _: "\r\n"),
    *((code, lambda _: "x") for code in ("%radjective", "%ranimal", "%rna", "%rn", "%ra", "%rx", "%rX")),
    ("%guid", lambda _: "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ("%remoji", lambda _: "\N{GRINNING FACE}"),
]


def expand_names(text: str, now: datetime) -> str:
    """Return `text` with its name codes replaced; what stands behind a backslash is left alone, backslash and all."""
    pieces = re.split(r"(\\.)", text, flags=re.DOTALL)
    for number in range(0, len(pieces), 2):
        for code, value in _CODES:
            pieces[number] = pieces[number].replace(code, value(now))
    return "".join(pieces)
