"""Videos over HTTP: taken, served in ranges, shown, previewed; and refused where they are not taken."""

import html
import io
import re

import pytest

from tests import films, samples
from tests.conftest import OWNER, UPLOADER
from tests.web.test_preview import metas

AUTH = {"Authorization": f"Bearer {UPLOADER}"}
OWNED = {"Authorization": f"Bearer {OWNER}"}


def post(client, kind="mp4", **headers):
    form = {"file": (io.BytesIO(films.make(kind)), "film.bin"), "title": "Film"}
    return client.post("/api/upload", data=form, headers={**AUTH, **headers})


@pytest.fixture
def app(make_app):
    return make_app(allow_video=True, view_pages=True)


@pytest.mark.parametrize("kind", ["mp4", "webm", "mov"])
def test_where_video_is_not_taken_it_is_a_type_that_is_not_taken(make_app, kind):
    answer = post(make_app().test_client(), kind)

    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_type")
    assert answer.json["error"].startswith("video is not taken here, and this is video/")


def test_curl_sends_one_as_it_sends_an_image(client):
    form = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"}  # of curl --data-binary
    answers = [client.post("/api/upload", data=films.make(kind), headers=form) for kind in ("mp4", "webm")]

    assert [one.json["content_type"] for one in answers] == ["video/mp4", "video/webm"]
    assert [one.json["url"].rpartition(".")[2] for one in answers] == ["mp4", "webm"]
    refused = post(client, "prores mov")
    assert refused.json["error"].startswith("the video codec ap")
    assert refused.headers["Accept-Post"] == "multipart/form-data, image/*, video/mp4, video/webm, video/quicktime"


def test_it_is_served_whole_and_in_ranges(client):
    key = post(client).json["key"]
    whole = client.get(f"/{key}")
    assert whole.headers["Content-Type"] == "video/mp4"
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert "media-src 'self'" in whole.headers["Content-Security-Policy"]

    def ranged(text, **headers):
        return client.get(f"/{key}", headers={"Range": text, **headers})

    part = ranged("bytes=100-199")
    assert (part.status_code, part.data) == (206, whole.data[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.data)}"
    assert part.headers["Content-Type"] == "video/mp4"
    assert ranged("bytes=0-").status_code == 206  # what browsers begin with
    assert ranged("bytes=-8").data == whole.data[-8:]
    assert ranged(f"bytes={len(whole.data)}-").status_code == 416
    assert ranged("bytes=0-1,4-5").data == whole.data
    assert ranged("bytes=0-9", **{"If-Range": whole.headers["ETag"]}).status_code == 206
    assert ranged("bytes=0-9", **{"If-Range": '"another"'}).status_code == 200


def test_the_pages_of_a_video_play_it(client, app):
    key = post(client).json["key"]
    page = client.get(f"/v/{key}").text
    url = f"http://127.0.0.1:8080/{key}"
    told = metas(page)

    assert f'<video src="{url}" aria-label="Film" width="64" height="48" controls preload="metadata">' in page
    assert (told["og:type"], told["og:video"], told["og:video:type"]) == ("video.other", url, "video/mp4")
    assert (told["og:video:width"], told["og:video:height"]) == ("64", "48")
    assert told["og:image"] == told["twitter:image"] == post(client).json["thumbnail_url"]
    assert "media-src http://127.0.0.1:8080;" in client.get(f"/v/{key}").headers["Content-Security-Policy"]
    asked = client.get("/oembed", query_string={"url": url, "maxwidth": "32"}).json
    assert (asked["type"], asked["width"], asked["height"]) == ("video", 32, 24)
    assert f'src="{url}"' in asked["html"] and "url" not in asked


def test_the_owner_s_pages_show_it_as_a_video(client, app):
    body = post(client).json
    client.post("/login", data={"token": OWNER}, headers={"Origin": "http://127.0.0.1:8080"})
    gallery, page = client.get("/gallery").text, client.get(f"/gallery/{body['key']}").text
    links = [html.unescape(one) for one in re.findall(r'readonly value="([^"]*)"', page)]

    assert 'class="play"' in gallery and 'data-type="video/mp4"' in gallery
    assert "<video src=" in page and 'accept="video/mp4,video/quicktime"' in page
    assert f"[![Video]({body['thumbnail_url']})]({body['url']})" in links
    assert f"[url={body['url']}][img]{body['thumbnail_url']}[/img][/url]" in links
    assert any(one.startswith(f'<video src="{body["url"]}"') for one in links)
    assert "video/webm" in client.get("/").text
    deletion = client.get(body["deletion_url"].removeprefix("http://127.0.0.1:8080")).text
    assert "<video" in deletion and "<h1>Delete this video?</h1>" in deletion
    assert client.get("/api/uploads?q=type:webm", headers=OWNED).json["uploads"] == []


def test_an_image_stays_an_image_where_video_is_taken(client):
    form = {"file": (io.BytesIO(samples.make("png")), "a.png")}
    key = client.post("/api/upload", data=form, headers=AUTH).json["key"]

    assert "<video" not in client.get(f"/v/{key}").text
    assert metas(client.get(f"/v/{key}").text)["og:type"] == "website"
