"""The stand-in for ShareX against what ShareX itself was seen to do: its import, its syntax, its bytes on the wire."""

import json
import re

import pytest

from tests.sharex import jsonnet, wire
from tests.sharex.item import APP_VERSION, ImportFailed, load, migrate
from tests.sharex.syntax import NOON, Response, Syntax, SyntaxProblem, expand_names


def sxcu(**fields):
    return json.dumps({"Version": "19.0.2", "RequestURL": "https://h/u", **fields}).encode()


# The import


@pytest.mark.parametrize("text", ["", None, "12.3.1", "12.3.1.0", "11.2", "19", "v19.0", "13.0-b", "1.2.3.4.5"])
def test_too_old_and_malformed_versions_are_refused(text):
    with pytest.raises(ImportFailed):
        load(sxcu(Version=text))


@pytest.mark.parametrize(
    ("text", "url"), [("13.7.1", r"\{json:url\}"), ("13.7.2", "{json:url}"), ("99.0", "{json:url}")]
)
def test_a_file_up_to_13_7_1_is_migrated_even_where_it_was_new_already(text, url):
    item = load(sxcu(Version=text, URL="{json:url}"))

    assert item["URL"] == url
    assert item["Version"] == (APP_VERSION if text == "13.7.1" else text)
    assert Syntax(response=Response(200, {}, '{"url": "U"}')).parse(item["URL"]) == (
        "U" if url[0] == "{" else "{json:url}"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://h/$json:url$", "https://h/{json:url}"),
        ("$json:files[0].url$?x=$regex:a|1$", "{json:files[0].url}?x={regex:a|1}"),
        (r"a\b$c$", "a{c}"),
        ("{x}", r"\{x\}"),
    ],
)
def test_the_old_syntax_becomes_the_new(old, new):
    assert migrate(old) == new


def test_all_of_an_old_file_is_migrated():
    item = load(
        sxcu(
            Version="13.5.0",
            RequestURL="https://h/u?a=$filename$&b&c=1",
            Headers={"X-Name": "$filename$"},
            Parameters={"c": "2"},
            Data='{"url":"$INPUT$"}',
            ErrorMessage="$json:error$",
        )
    )

    assert item["RequestURL"] == "https://h/u"
    assert item["Parameters"] == {"c": "2", "a": "{filename}", "b": ""}
    assert (item["Headers"], item["ErrorMessage"]) == ({"X-Name": "{filename}"}, "{json:error}")
    assert item["Data"] == '{"url":"{input}"}'


def test_fields_have_sharexs_defaults_and_unknown_words_leave_them():
    bare = load(sxcu())
    odd = load(sxcu(DestinationType="ImageUploader, Bogus", requestmethod="put", Headers={"a": 1, "b": {}}, Name=True))

    assert (bare["RequestMethod"], bare["Body"], bare["DestinationType"]) == ("POST", "None", set())
    assert (odd["DestinationType"], odd["RequestMethod"]) == (set(), "PUT")
    assert (odd["Headers"], odd["Name"]) == ({"a": "1"}, "True")
    assert load(b"\xef\xbb\xbf" + sxcu())["Version"] == "19.0.2"
    assert str(load(sxcu(RequestURL="https://www.h.example/u"))) == "h.example"


def test_parameters_are_encoded_as_net_does_and_keys_never():
    item = load(sxcu(Parameters={"a b": "~ é(!)'", "empty": "", "": "x"}))

    assert item.request_url(Syntax("n.png")) == "https://h/u?a b=%7e+%c3%a9(!)%27&empty&=x"
    assert load(sxcu(RequestURL="h/{filename}")).request_url(Syntax("a b;é.png")) == "https://h/a%20b%3B%C3%A9.png"


# The syntax


ANSWER = Response(
    201,
    {"location": "https://h/a.png"},
    '{"url": "https://h/a.png", "n": 1, "x": 1.5, "yes": true, "no": null, "files": [{"url": "0"}, {"url": "1"}],'
    ' "at": "2024-01-05T06:07:08Z", "day": "2024-01-05", "a b": "blank", "o": {"a": 1}}',
    "https://h/u",
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{json:url}", "https://h/a.png"),
        ("{JSON:$.url}", "https://h/a.png"),
        ("<{json:url", "<https://h/a.png"),
        ("{json:files[1].url}-{json:files[0].url}", "1-0"),
        ("{json:['a b']}", "blank"),
        ("{json:..n}", "1"),
        ("{json:x}{json:yes}{json:no}{json:missing}", "1.5True"),
        ("{json:at}|lost", "01/05/2024 06:07:08"),
        ("{json:day}", "2024-01-05"),
        ('{json:\\{"k": "v"\\}|k}', "v"),
        ("{json:{response}|url}", "https://h/a.png"),
        ("{header:Location} {responseurl}", "https://h/a.png https://h/u"),
        ('{regex:"url": "([^"]+)"|1}', "https://h/a.png"),
        ('{regex:"(?<k>n)": (\\\\d)|2}{regex:(a)|9}', "1"),
        ("{regex:x{response}|a\\|b}", ""),
        ("{base64:user:pass}", "dXNlcjpwYXNz"),
        (r"\{json:url\}\a\\", r"{json:url}a" + "\\"),
        ("a}b", "a"),
        ("{inputbox:Title|given}{prompt}", "given"),
        ("{select:|one|two}{random:a|b}", "onea"),
        ("{outputbox:Title|text}", ""),
    ],
)
def test_a_template_becomes_what_sharex_makes_of_it(template, text):
    assert Syntax("a b.png", response=ANSWER).parse(template) == text


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{}", "cannot be empty"),
        ("{nothing}", "Invalid function name: nothing"),
        ("{json}", 'for function "json" is 1'),
        ("{random:a}", 'for function "random" is 2'),
        ("{json:files[*].url}", "multiple tokens"),
        ("{json:o}", "Can not convert Object"),
        ("{json:a b}", "Unexpected character"),
        ('{json:["url"]}', "Unexpected character"),
    ],
)
def test_a_template_stops_where_sharex_stops(template, problem):
    with pytest.raises((SyntaxProblem, jsonnet.JsonException), match=problem):
        Syntax(response=ANSWER).parse(template)


def test_a_list_at_the_root_and_what_is_no_json():
    assert jsonnet.select('[{"url": "U"}]', "[0].url") == "U"
    assert jsonnet.select('{"a": 1, "a": 2}', "a") == "2"
    with pytest.raises(jsonnet.JsonReaderException):
        jsonnet.select("<html>", "url")
    with pytest.raises(SyntaxProblem, match="Object reference"):
        Syntax().parse("{json:url}")


def test_name_codes_live_in_values_unless_a_backslash_stands_before():
    assert expand_names("%y-%mo-%d_%h-%mi-%s %d0", NOON) == "2026-01-05_12-30-59 050"
    assert Syntax(has_name_codes=True).parse(r"100\%y %n") == "100%y \r\n"


# The wire


def test_a_request_of_sharex_18_and_newer_has_these_very_bytes():
    edge = "-" * 20 + "8de7b705d983980"
    body = wire.multipart(
        edge, {"album": "2026", "": "x"}, wire.part_head(edge, "file", "chrome_aB3dE5fG7h.png"), b"PNG"
    )
    url, token = "https://pics.example.com/api/upload", {"Authorization": "Bearer tok_1"}

    assert wire.head(wire.NET9, "POST", url, token, f"multipart/form-data; boundary={edge}", 292) == (
        b"POST /api/upload HTTP/1.1\r\nHost: pics.example.com\r\nAuthorization: Bearer tok_1\r\n"
        b"User-Agent: ShareX/19.0.2\r\nConnection: Keep-Alive\r\n"
        b"Content-Type: multipart/form-data; boundary=--------------------8de7b705d983980\r\n"
        b"Content-Length: 292\r\n\r\n"
    )
    assert body == (
        b'----------------------8de7b705d983980\r\nContent-Disposition: form-data; name="album"\r\n\r\n2026\r\n'
        b'----------------------8de7b705d983980\r\nContent-Disposition: form-data; name="file"; '
        b'filename="chrome_aB3dE5fG7h.png"\r\nContent-Type: image/png\r\n\r\nPNG\r\n'
        b"----------------------8de7b705d983980--\r\n"
    )


def test_a_request_of_sharex_12_to_17_has_host_behind_the_rest():
    url, headers = "https://h/u?a", {"X-A": "1", "accept": "text/plain", "Cookie": "a=b"}

    assert wire.head(wire.NET48, "PUT", url, headers, "image/png", 5) == (
        b"PUT /u?a HTTP/1.1\r\nX-A: 1\r\nAccept: text/plain\r\nContent-Type: image/png\r\nUser-Agent: ShareX/17.1.0\r\n"
        b"Host: h\r\nCookie: a=b\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\n"
    )


def test_a_request_without_a_body_is_closed_and_a_custom_type_loses_the_boundary():
    url = "https://h/u"

    assert wire.head(wire.NET9, "POST", url, {}, None, 0).endswith(b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    assert wire.head(wire.NET9, "GET", url, {}, None, 0).endswith(b"Connection: close\r\n\r\n")
    custom = wire.head(wire.NET9, "POST", url, {"content-type": "multipart/form-data"}, "x; boundary=y", 5)
    assert b"Content-Type: multipart/form-data\r\n" in custom and b"boundary" not in custom


def test_a_boundary_is_twenty_dashes_and_the_time_and_names_go_raw():
    assert re.fullmatch(r"-{20}8d[0-9a-f]{13}|-{20}8e[0-9a-f]{13}", wire.boundary())
    assert b'filename="\xc3\xa9 "q".avif"\r\nContent-Type: application/octet-stream' in wire.part_head(
        "b", "f", 'é "q".avif'
    )
    assert b'filename="agnp.exe"' in wire.file_body("file", "a\u202egnp.exe", b"", {})[1]
