"""The rules language is evaluated as Cloudflare documents it, and refuses what Cloudflare refuses."""

import pytest

from tests.edge.expressions import BadExpression, compile_filter, compile_value

REQUEST, RESPONSE = "http_request_transform", "http_response_headers_transform"
FACTS = {
    "http.host": "i.example.com",
    "http.request.method": "GET",
    "http.request.uri.path": "/file/my-pictures/a.png",
    "http.request.uri.query": "",
    "http.request.headers": {"accept": ["image/webp", "image/png"]},
    "http.request.headers.names": ["accept", "accept"],
    "ssl": True,
    "http.response.code": 206,
    "http.response.headers": {"x-bz-content-sha1": ["none"], "x-bz-file-id": ["4_z1"]},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("true", True),
        ('http.host eq "i.example.com"', True),
        ('http.host == "other.example.com" or ssl', True),
        ('http.host ne "i.example.com"', False),
        ('not http.host eq "i.example.com" or ssl', True),
        ('not (http.host eq "i.example.com" or ssl)', False),
        ("ssl xor ssl", False),
        ("true or true and false", True),
        ("true xor true and false", True),
        ("!ssl || ssl && ssl", True),
        ('http.request.uri.path contains "pictures"', True),
        ('http.request.uri.path contains r"\\"', False),
        ('http.request.method in {"GET" "HEAD"}', True),
        ("http.response.code in {200 206 304}", True),
        ("http.response.code in {201..205}", False),
        ("http.response.code in {201..206 404}", True),
        ("http.response.code ge 206 and http.response.code lt 207", True),
        ("http.response.code > 206 or http.response.code <= 205", False),
        ('http.request.headers["accept"][1] eq "image/png"', True),
        ('any(http.request.headers["accept"][*] eq "image/png")', True),
        ('all(http.request.headers["accept"][*] eq "image/png")', False),
        ('all(starts_with(http.request.headers["accept"][*], "image/"))', True),
        ('any(lower(http.request.headers["accept"][*]) eq "image/webp")', True),
        ("len(http.request.headers.names) eq 2", True),
        ('starts_with(http.request.uri.path, "/file/my-pictures/")', True),
        ('ends_with(http.request.uri.path, ".PNG")', False),
        ('len("é") eq 2', True),
        ('http.request.uri.path wildcard "/FILE/*/*.png"', True),
        ('http.request.uri.path wildcard "/file/*.gif"', False),
    ],
)
def test_a_filter_holds_or_not(expression: str, expected: bool) -> None:
    assert compile_filter(expression, RESPONSE)(FACTS) is expected


@pytest.mark.parametrize(
    "expression",
    [
        'http.request.headers["none"][0] eq ""',
        'http.request.headers["Accept"][0] eq "image/webp"',
        'http.request.headers["accept"][2] ne "x"',
        'lower(http.request.headers["none"][0]) eq ""',
        'len(http.response.headers["none"][0]) eq 0',
        'any(http.request.headers["none"][*] eq "x")',
    ],
)
def test_a_comparison_with_what_is_not_there_does_not_hold(expression: str) -> None:
    assert compile_filter(expression, RESPONSE)(FACTS) is False


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('"a \\"quoted\\" \\\\ word \\x41"', 'a "quoted" \\ word A'),
        ('r"C:\\n"', "C:\\n"),
        ('r#"with "quotes""#', 'with "quotes"'),
        ('concat("/file/b", http.request.uri.path)', "/file/b/file/my-pictures/a.png"),
        ('concat("\\"", http.response.headers["x-bz-file-id"][0], "\\"")', '"4_z1"'),
        ('concat("a", http.response.headers["x-bz-info-mtime"][0], "b")', None),
        ('concat("status ", http.response.code)', "status 206"),
        ("to_string(http.response.code)", "206"),
        ('upper(substring("abcdef", 1, 3))', "BC"),
        ('substring("abcdef", -2)', "ef"),
        ('wildcard_replace(http.host, "*.EXAMPLE.*", "${2}/${1}")', "com/i"),
        ('wildcard_replace(http.host, "*.EXAMPLE.*", "${2}/${1}", "s")', "i.example.com"),
    ],
)
def test_a_value_is_computed(expression: str, expected: str | None) -> None:
    assert compile_value(expression, RESPONSE)(FACTS) == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "unexpected"),
        ("http.host", "expected a Boolean"),
        ('http.hots eq "x"', "unknown identifier http.hots"),
        ('reverse(http.host) eq "x"', "unknown identifier reverse"),
        ('http.host matches "x"', "not entitled"),
        ('http.host ~ "x"', "not entitled"),
        ('regex_replace(http.host, "x", "y") eq "x"', "not entitled"),
        ("http.host eq 1", "cannot compare"),
        ('http.host in {"a" 1}', "expected string"),
        ('http.host eq "x" extra', "expected end"),
        ('(http.host eq "x"', "expected )"),
        ('http.host eq "\\n"', "unknown escape"),
        ('http.host["x"] eq "x"', "has no index"),
        ("http.response.code eq 200", "not allowed in phase"),
        ("any(ssl)", "takes one array"),
        ('starts_with(http.host) eq "x"', "does not take"),
        ("concat() eq 1", "does not take"),
        ("http.host eq 'x'", "error at"),
        ("http.host wildcard 1", "cannot compare"),
        ("http.response.code contains 2", "not allowed in phase"),
        ("len(http.host) contains 2", "contains is no operator"),
    ],
)
def test_what_cloudflare_does_not_take_is_refused(expression: str, said: str) -> None:
    with pytest.raises(BadExpression) as refusal:
        compile_filter(expression, REQUEST)

    assert said in str(refusal.value)


def test_a_value_must_be_a_text() -> None:
    with pytest.raises(BadExpression):
        compile_value("http.request.headers", REQUEST)
