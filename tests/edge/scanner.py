"""The words of an expression in Cloudflare's rules language."""

import re

_TOKEN = re.compile(
    r"""\s*(?:(?P<raw>r(?P<hash>\#*)"(?P<literal>.*?)"(?P=hash))|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+)
    |(?P<name>[A-Za-z_][\w.]*)|(?P<sign>\.\.|==|!=|<=|>=|&&|\|\||\^\^|[-<>!~()\[\]{},*]))""",
    re.VERBOSE | re.DOTALL,
)
_ENGLISH = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "~": "matches"}
_JOINTS = {"&&": "and", "||": "or", "^^": "xor", "!": "not"}
_WORDS = {*_ENGLISH.values(), *_JOINTS.values(), "in", "contains", "wildcard"}
_ESCAPED = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)


class BadExpression(ValueError):
    """What Cloudflare refuses to take as an expression."""


def tokens(text: str) -> list[tuple[str, str]]:
    """Return the parts of an expression, each with its kind: string, number, word, name, sign; `end` is the last."""
    found, at, whole = [], 0, text.rstrip()
    while at < len(whole):
        match = _TOKEN.match(whole, at)
        if not match:
            raise BadExpression(f"Filter parsing error at {whole[at:]!r}")
        at = match.end()
        if match["raw"]:
            found.append(("string", match["literal"]))
        elif match["text"]:
            found.append(("string", _ESCAPED.sub(_unescaped, match["text"][1:-1])))
        elif match["number"]:
            found.append(("number", match["number"]))
        else:
            word = match["name"] or match["sign"]
            word = _JOINTS.get(word) or _ENGLISH.get(word) or word
            is_word = word in _WORDS
            found.append(("word" if is_word else "name" if match["name"] else "sign", word))
    return [*found, ("end", "")]


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "x":
        return chr(int(code[1:], 16))
    if code not in ('"', "\\"):
        raise BadExpression(f"Filter parsing error: unknown escape \\{code}")
    return code
