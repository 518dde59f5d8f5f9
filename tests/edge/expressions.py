"""Cloudflare's rules language, evaluated: filters and values over what is known of one request.

A value that is not there (a header that was not sent, an index too far) is None. It goes through functions as None,
and a comparison with it is false. Header names are looked up in small letters, as Cloudflare keeps them.
Source: https://developers.cloudflare.com/ruleset-engine/rules-language/
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .fields import FIELDS, FUNCTIONS, PLANNED, RESPONSE_PHASES, wildcard
from .scanner import BadExpression, tokens

__all__ = ["BadExpression", "Facts", "compile_filter", "compile_value"]

Facts = Mapping[str, Any]
_ORDERINGS = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}


@dataclass(frozen=True)
class Node:
    """A part of an expression: what kind of value it has, and how to get it. `is_each` marks an array behind [*]."""

    kind: str
    get: Callable[[Facts], Any]
    is_each: bool = False


def compile_filter(text: str, phase: str) -> Callable[[Facts], bool]:
    """Return what decides whether a rule of `phase` runs. Raises BadExpression."""
    node = _Parser(text, phase).whole()
    if node.kind != "boolean" or node.is_each:
        raise BadExpression(f"Filter parsing error: expected a Boolean, got {node.kind}: {text}")
    return lambda facts: bool(node.get(facts))


def compile_value(text: str, phase: str) -> Callable[[Facts], str | None]:
    """Return what computes a path, a query or a header; None where a part of it is not there. Raises BadExpression."""
    node = _Parser(text, phase).whole()
    if node.kind not in ("string", "integer") or node.is_each:
        raise BadExpression(f"Filter parsing error: expected a String, got {node.kind}: {text}")

    def value(facts: Facts) -> str | None:
        found = node.get(facts)
        return None if found is None else str(found)

    return value


class _Parser:
    """One expression, read from the left; `or` binds loosest, then `xor`, `and`, `not`."""

    def __init__(self, text: str, phase: str) -> None:
        self._phase = phase
        self._tokens = tokens(text)
        self._at = 0

    def whole(self) -> Node:
        node = self._joined("or")
        self._take("end")
        return node

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def _take(self, kind: str, *texts: str) -> str:
        found, text = self._next()
        if found != kind or (texts and text not in texts):
            raise BadExpression(
                f"Filter parsing error: expected {' or '.join(texts) or kind}, got {text or 'the end'!r}"
            )
        self._at += 1
        return text

    def _has(self, kind: str, *texts: str) -> bool:
        found, text = self._next()
        if found == kind and text in texts:
            self._at += 1
            return True
        return False

    def _joined(self, word: str) -> Node:
        tighter = {"or": "xor", "xor": "and"}.get(word)
        node = self._joined(tighter) if tighter else self._negated()
        while self._has("word", word):
            other = self._joined(tighter) if tighter else self._negated()
            node = _join(word, _boolean(node), _boolean(other))
        return node

    def _negated(self) -> Node:
        if self._has("word", "not"):
            inner = _boolean(self._negated())
            return Node("boolean", lambda facts: not inner.get(facts))
        return self._compared()

    def _compared(self) -> Node:
        left = self._operand()
        if not self._has("word", *_ORDERINGS, "contains", "in", "matches", "wildcard"):
            return left
        word = self._tokens[self._at - 1][1]
        if word in PLANNED:
            raise BadExpression(f"not entitled: the use of operator {word} is not allowed on the Free plan")
        if word == "in":
            return _compare(left, self._set(left.kind))
        kind, text = self._next()
        if {"string": "string", "integer": "number"}.get(left.kind) != kind:
            raise BadExpression(f"Filter parsing error: {word} cannot compare {left.kind} with {text!r}")
        self._at += 1
        right = int(text) if kind == "number" else text
        if word == "contains" and kind == "string":
            return _compare(left, lambda value: text in value)
        if word == "wildcard" and kind == "string":
            return _compare(left, lambda value: wildcard(value, text) is not None)
        if word not in _ORDERINGS:
            raise BadExpression(f"Filter parsing error: {word} is no operator for {left.kind}")
        return _compare(left, lambda value: _ORDERINGS[word](value, right))

    def _set(self, kind: str) -> Callable[[Any], bool]:
        token = {"string": "string", "integer": "number"}.get(kind, "nothing")
        self._take("sign", "{")
        values: list[Any] = []
        while not self._has("sign", "}"):
            text = self._take(token)
            if token == "number" and self._has("sign", ".."):
                values += range(int(text), int(self._take("number")) + 1)
            else:
                values.append(int(text) if token == "number" else text)
        return lambda value: value in values

    def _operand(self) -> Node:
        kind, text = self._next()
        self._at += 1
        if kind == "sign" and text == "(":
            node = self._joined("or")
            self._take("sign", ")")
            return node
        if kind == "string":
            return Node("string", lambda _: text)
        if kind == "number":
            return Node("integer", lambda _: int(text))
        if kind == "name" and text in ("true", "false"):
            return Node("boolean", lambda _: text == "true")
        if kind != "name":
            raise BadExpression(f"Filter parsing error: unexpected {text or 'end'!r}")
        return self._indexed(self._call(text) if self._next() == ("sign", "(") else self._field(text))

    def _field(self, name: str) -> Node:
        kind = FIELDS.get(name)
        if kind is None:
            raise BadExpression(f"Filter parsing error: unknown identifier {name}")
        if name.startswith("http.response.") and self._phase not in RESPONSE_PHASES:
            raise BadExpression(f"the use of field {name} is not allowed in phase {self._phase}")
        return Node(kind, lambda facts: facts.get(name))

    def _indexed(self, node: Node) -> Node:
        while self._has("sign", "["):
            kind, text = self._next()
            self._at += 1
            if (node.kind, kind) == ("map", "string"):
                node = Node("array", _item(node, text))
            elif (node.kind, kind) == ("array", "number"):
                node = Node("string", _item(node, int(text)))
            elif (node.kind, text) == ("array", "*"):
                node = Node("string", node.get, is_each=True)
            else:
                raise BadExpression(f"Filter parsing error: {node.kind} has no index {text!r}")
            self._take("sign", "]")
        return node

    def _call(self, name: str) -> Node:
        if name in PLANNED:
            raise BadExpression(f"not entitled: the use of function {name} is not allowed on the Free plan")
        if name not in FUNCTIONS:
            raise BadExpression(f"Filter parsing error: unknown identifier {name}")
        self._take("sign", "(")
        given: list[Node] = []
        while not self._has("sign", ")"):
            given.append(self._joined("or"))
            if not self._has("sign", ","):
                self._take("sign", ")")
                break
        return _called(name, given)


def _boolean(node: Node) -> Node:
    if node.kind != "boolean" or node.is_each:
        raise BadExpression(f"Filter parsing error: expected a Boolean, got {node.kind}")
    return node


def _join(word: str, left: Node, right: Node) -> Node:
    if word == "and":
        return Node("boolean", lambda facts: left.get(facts) and right.get(facts))
    if word == "or":
        return Node("boolean", lambda facts: left.get(facts) or right.get(facts))
    return Node("boolean", lambda facts: bool(left.get(facts)) != bool(right.get(facts)))


def _compare(left: Node, holds: Callable[[Any], bool]) -> Node:
    if left.is_each:
        return Node("boolean", lambda facts: [holds(one) for one in left.get(facts) or []], is_each=True)

    def compared(facts: Facts) -> bool:
        value = left.get(facts)
        return value is not None and holds(value)

    return Node("boolean", compared)


def _item(node: Node, index: str | int) -> Callable[[Facts], Any]:
    def item(facts: Facts) -> Any:
        value = node.get(facts)
        if isinstance(index, str):
            return (value or {}).get(index)
        return value[index] if value and index < len(value) else None

    return item


def _called(name: str, given: list[Node]) -> Node:
    function = FUNCTIONS[name]
    each = [node for node in given if node.is_each]
    if name in ("any", "all"):
        if len(given) != 1 or not given[0].is_each or given[0].kind != "boolean":
            raise BadExpression(f"Filter parsing error: {name} takes one array of comparisons")
        return Node("boolean", lambda facts: function.does(given[0].get(facts)))
    kinds = ["array" if node.is_each else node.kind for node in given]
    if not function.takes(kinds if name == "len" else [node.kind for node in given]):
        raise BadExpression(f"Filter parsing error: {name} does not take {', '.join(kinds) or 'nothing'}")
    if each:
        rest = given[1:]
        return Node(
            function.kind,
            lambda facts: [function.does(one, *(node.get(facts) for node in rest)) for one in each[0].get(facts) or []],
            is_each=True,
        )

    def called(facts: Facts) -> Any:
        values = [node.get(facts) for node in given]
        return None if None in values else function.does(*values)

    return Node(function.kind, called)
