"""What every answer says to browsers and caches."""

import re
from html.parser import HTMLParser

import pytest

from tests import samples
from tests.access.conftest import CHANGES, TUS
from tests.conftest import UPLOADER

HTTPS = "https://up.example.com"
HTML = {"Accept": "text/html"}


class Inline(HTMLParser):
    """Collects what the policy of the pages would not let run."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        self.found += [(tag, name) for name in names if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in names and names.get("type") != "application/json"):
            self.found.append((tag, ""))
        self.found += [
            (tag, value) for value in names.values() if (value or "").strip().lower().startswith("javascript:")
        ]


def everything(world):
    """Yield what every route answers to the owner, to a stranger and to a mistake."""
    for client in (world.owner, world.app.test_client()):
        for endpoint, method, path in world.routes("GET", "HEAD", *CHANGES):
            yield endpoint, method, client.open(path, method=method, headers={**TUS, **HTML})
    for path in ("/nothing", "/static/nothing.js", "/gallery/x.png", "/api/nothing", "/static/", "/22222222.png"):
        yield path, "GET", world.owner.get(path, headers=HTML)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8080", HTTPS])
def test_every_answer_has_them(make_world, base_url):
    world = make_world(base_url=base_url)
    count = 0

    for endpoint, method, answer in everything(world):
        headers, where = answer.headers, (endpoint, method)
        count += 1
        assert answer.status_code < 500, where
        assert headers["X-Content-Type-Options"] == "nosniff", where
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe-eval" not in policy, where
        assert "sandbox" in policy or ("frame-ancestors 'none'" in policy and "unsafe" not in policy), where
        assert headers["X-Frame-Options"] == "DENY", where
        assert headers["Referrer-Policy"] in ("same-origin", "no-referrer"), where
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", where
        is_image = endpoint.startswith("objects.") and answer.status_code == 200
        assert headers["Cross-Origin-Resource-Policy"] == ("cross-origin" if is_image else "same-origin"), where
        assert headers.get("Strict-Transport-Security") == ("max-age=31536000" if base_url == HTTPS else None), where
        assert headers.get("Access-Control-Allow-Origin") == ("*" if is_image else None), where

        # Kept by caches is what is the same for everyone: the images, and after a question the app's own files.
        if not is_image:
            is_open = endpoint in ("static", "installable.manifest", "installable.worker") and answer.status_code == 200
            assert headers["Cache-Control"] == ("no-cache" if is_open else "no-store"), where
            assert not (is_open and "Set-Cookie" in headers), where
        if "text/html" in headers.get("Content-Type", "") and method == "GET":
            inline = Inline()
            inline.feed(answer.text)
            assert [one for one in inline.found if one[0] != "a"] == [], where
    assert count > 150


def test_what_others_may_keep_is_the_same_whatever_is_asked_with_it(world):
    """No header that a cache does not look at changes an answer that it may keep."""
    stranger = world.app.test_client()
    paths = [f"/{world.values['key']}", "/static/app.js", "/manifest.webmanifest", "/sw.js"]
    poison = {
        "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript", "X-Forwarded-Prefix": "/evil",
        "X-Original-URL": "/login", "X-Rewrite-URL": "/login", "Forwarded": "host=evil.example",
        "X-Host": "evil.example", "Accept": "text/plain", "Accept-Encoding": "gzip", "Accept-Language": "de",
        "User-Agent": "x", "Cookie": "theme=dark", "Origin": "https://evil.example", "Authorization": "Basic x",
        "X-HTTP-Method-Override": "POST", "Range": "lines=1-2",
        "Host": "evil.example",
    }  # fmt: skip

    for path in paths:
        plain = stranger.get(path)
        for name, value in poison.items():
            answer = stranger.get(path, headers={name: value}, query_string={"cb": "1"})
            for unlike in (plain.headers, answer.headers):
                unlike.pop("X-Request-ID", None), unlike.pop("Date", None)
            assert (path, name, answer.status_code, answer.data) == (path, name, 200, plain.data)
            assert dict(answer.headers) == dict(plain.headers), (path, name)


DECEPTIVE = (
    ["/gallery/x.png", "/settings;.css", "/settings/x.css", "/settings%2fx.css", "/gallery;.png", "/%2e%2e/settings",
     "/static/..%2f..%2fcatalog.sqlite3", "/static/../settings", "/..;/settings", "/settings%00.css",
     "/settings%0a.css", "/albums/1.png", "/statistics.csv/x.css", "/api/uploads%3b.css", "/%5c..%5csettings",
     "/./settings"]
)  # fmt: skip


def test_no_address_makes_a_private_page_look_like_a_file(world):
    for path in DECEPTIVE:
        answer = world.owner.get(f"http://localhost{path}")

        assert (path, answer.status_code) == (path, 404)
        assert answer.headers["Cache-Control"] == "no-store", path
        assert world.csrf not in answer.text, path


NAMES = (
    ["a\r\nSet-Cookie: x=1", "a%0d%0aX-Evil: 1.png", 'x.png"; filename="y.html', "\u202egnp.exe", "é" * 100, "a\0b.png",
     "../../etc/passwd", "..\\..\\x.png", "😀.png", ";.png", "-rf"]
)  # fmt: skip


def test_a_name_reaches_no_header_and_no_path(world):
    for number, name in enumerate(NAMES):
        for seen in answers_with(world, name, samples.make("png", seed=50 + number)):
            told = "\n".join(f"{one}: {value}" for one, value in seen.headers)
            assert seen.status_code in (200, 201), name
            assert not re.search(r"Set-Cookie|X-Evil|passwd|y\.html|\0", told), name
            assert told.isascii(), name
    files = [str(path) for path in world.parts.settings.data_dir.rglob("*")]
    assert not [path for path in files if re.search(r"passwd|evil|\.html", path, re.IGNORECASE)]


def answers_with(world, name, image):
    """Upload `image` with `name` as its file name and as its title, and yield what is then answered about it."""
    client, bearer = world.app.test_client(), {"Authorization": f"Bearer {UPLOADER}"}
    form = f'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n{name}\r\n--b\r\n'
    quoted = re.sub(r'[\r\n"\0]', lambda found: f"%{ord(found[0]):02X}", name)
    form += f'Content-Disposition: form-data; name="file"; filename="{quoted}"\r\n\r\n'
    body = form.encode() + image + b"\r\n--b--\r\n"
    answer = client.post("/api/upload", data=body, headers=bearer, content_type="multipart/form-data; boundary=b")
    yield answer
    key = answer.json["key"]
    assert re.fullmatch(r"[0-9A-Za-z]{8}\.png", key)
    yield client.get(f"/{key}")
    yield client.get(f"/v/{key}")
    yield world.owner.get(f"/gallery/{key}")
    yield world.owner.post("/gallery", data={"csrf": world.csrf, "action": "zip", "key": key})
