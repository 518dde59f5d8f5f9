"""The gallery and the page of each image: what they show, what they change, and what they refuse."""

import io
import re
import zipfile
from datetime import timedelta
from html import unescape

import pytest

from app.catalog.records import State
from app.errors import StoreUnavailable
from app.web import picked, view
from tests import samples
from tests.conftest import OWNER, UPLOADER

AUTH = {"Authorization": f"Bearer {UPLOADER}"}
HASH = "LEHV6nWB2yk8pyo0adR*.7kCMdnj"  # of the BlurHash's own page
JSON = {"Accept": "application/json"}
HOSTILE = """"><script>alert(1)</script>' onx='{{7*7}}"""


@pytest.fixture
def parts(app):
    return app.extensions["bowerbird"]


@pytest.fixture
def owner(client):
    """The client, signed in."""
    client.post("/login", data={"token": OWNER})
    return client


@pytest.fixture
def add(client):
    """Upload an image of its own, and return its key."""

    def make(seed=1, name="shot.png", kind="png", **fields):
        form = {**fields, "file": (io.BytesIO(samples.make(kind, seed=seed)), name)}
        return client.post("/api/upload", data=form, headers=AUTH).json["key"]

    return make


def csrf(client):
    return re.search(r'name="csrf-token" content="(\w+)"', client.get("/").text)[1]


def keys(page):
    return re.findall(r'data-key="([^"]+)"', page.text)


def act(client, action, *those, headers=None, **fields):
    data = {"csrf": csrf(client), "action": action, "key": list(those), **fields}
    return client.post("/gallery", data=data, headers=headers)


def test_it_works(owner, add):
    newest = [add(seed, title=f"Picture {seed}") for seed in range(3)]

    page = owner.get("/gallery")

    assert page.status_code == 200
    assert sorted(keys(page)) == sorted(newest)
    assert "Picture 2" in page.text


def test_pages_follow_each_other_by_plain_links(owner, add, monkeypatch):
    monkeypatch.setattr(view, "PAGE", 2)
    added = {add(seed, tags="cat") for seed in range(5)}
    path, pages = "/gallery?q=tag%3Acat&sort=oldest", []
    while path:
        page = owner.get(path)
        pages.append(keys(page))
        found = re.search(r'rel="next" href="([^"]+)"', page.text)
        path = unescape(found[1]) if found else None

    assert [len(page) for page in pages] == [2, 2, 1]
    assert {key for page in pages for key in page} == added
    assert 'href="/gallery?q=tag%3Acat&amp;sort=oldest">To the start' in page.text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("q=type:doc", "no type of image"),
        ("q=" + "a" * 201, "at most 200"),
        ("sort=best", "sort is"),
        ("album=x", "album is"),
        ("cursor=%3Cb%3E", "is none of ours"),
    ],
)
def test_a_bad_search_is_told_on_the_page(owner, add, query, message):
    add()
    page = owner.get(f"/gallery?{query}", headers={"Accept": "text/html"})

    assert page.status_code == 400
    assert message in page.text and 'id="q"' in page.text
    assert keys(page) == [] and "<b>" not in page.text


def test_nothing_collected_and_nothing_found_are_told(owner, add):
    assert "Nothing collected yet" in owner.get("/gallery").text
    add()
    assert "Nothing found" in owner.get("/gallery?q=dog").text
    assert owner.get("/gallery?album=7").status_code == 404


def test_who_is_not_signed_in_is_led_there_and_back(client, add):
    add()
    there = client.get("/gallery?q=tag%3Aa+b&sort=oldest").headers["Location"]
    assert there.startswith("/login?next=%2Fgallery%3F")

    page = client.get(there)
    target = unescape(re.search(r'name="next" value="([^"]+)"', page.text)[1])
    answer = client.post("/login", data={"token": OWNER, "next": target})

    assert answer.headers["Location"] == target == "/gallery?q=tag%3Aa+b&sort=oldest"
    assert client.get(there).headers["Location"] == target


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "x"]
)
def test_nobody_is_led_to_another_site(client, target):
    assert client.post("/login", data={"token": OWNER, "next": target}).headers["Location"] == "/"
    assert client.get("/login", query_string={"next": target}).headers["Location"] == "/"


SIGNED_OUT = ["/gallery", "/gallery/{key}", "/tiles?key={key}", "/albums"]


@pytest.mark.parametrize("path", SIGNED_OUT)
def test_signed_out_nothing_is_shown(client, add, path):
    answer = client.get(path.format(key=add(title="secret")), headers={"Accept": "text/html"})

    assert answer.status_code == 303 and "secret" not in answer.text


CHANGES = [
    ("/gallery", {"action": "delete", "sure": "1"}),
    ("/gallery", {"action": "favourite"}),
    ("/gallery", {"action": "zip"}),
    ("/gallery/{key}", {"title": "x"}),
    ("/albums", {"name": "x"}),
    ("/albums/1", {"action": "remove"}),
]


@pytest.mark.parametrize(("path", "fields"), CHANGES)
def test_signed_out_without_the_csrf_token_or_from_another_site_nothing_changes(client, parts, add, path, fields):
    key = add()
    path, fields = path.format(key=key), {**fields, "key": key}
    parts.catalog.albums.make("Trip", now=parts.uploads.clock())
    before = parts.catalog.uploads.get(key)

    assert client.post(path, data=fields).status_code == 401
    client.post("/login", data={"token": OWNER})
    assert client.post(path, data=fields).status_code == 403
    fields["csrf"] = csrf(client)
    for site in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert client.post(path, data=fields, headers=site).status_code == 403
    assert parts.catalog.uploads.get(key) == before
    assert [album.name for album in parts.catalog.albums.all()] == ["Trip"]


@pytest.mark.parametrize(
    ("action", "fields", "message"),
    [
        ("explode", {}, "'explode' is no action"),
        ("", {}, "is no action"),
        ("tag", {"tags": " , "}, "there is no tag"),
        ("tag", {"tags": "x" * 51}, "at most 50"),
        ("tag", {"tags": ",".join(f"t{n}" for n in range(19))}, "at most 20"),
        ("put", {}, "no album is chosen"),
        ("put", {"to": "-1"}, "no album is chosen"),
        ("put", {"new_album": "x" * 101}, "at most 100"),
        ("take", {"to": "x"}, "no album is chosen"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_changes(owner, parts, add, action, fields, message):
    key = add(tags="a,b")
    before = parts.catalog.uploads.get(key)

    answer = act(owner, action, key, headers=JSON, **fields)

    assert answer.status_code == 400 and message in answer.json["error"]
    assert parts.catalog.uploads.get(key) == before and parts.catalog.albums.all() == []


@pytest.mark.parametrize("action", ["delete", "favourite", "zip"])
def test_none_or_too_many_are_refused_with_the_limit(owner, action):
    assert "no image is selected" in act(owner, action, headers=JSON).json["error"]
    many = act(owner, action, *(f"k{number}.png" for number in range(501)), headers=JSON)
    assert many.status_code == 400
    assert many.json["error"] == "501 images are selected; at most 500 are taken at once"


def test_a_deletion_asks_first_and_then_deletes(owner, parts, add):
    first, second, kept = (add(seed) for seed in range(3))

    page = act(owner, "delete", first, second, q="shot")
    assert "Delete these 2 images?" in page.text
    assert len(keys(owner.get("/gallery"))) == 3
    form = dict(re.findall(r'name="(sure|q)" value="([^"]*)"', page.text))
    asked = re.findall(r'name="key" value="([^"]+)"', page.text)
    answer = act(owner, "delete", *asked, **form)

    assert answer.headers["Location"] == "/gallery?q=shot&did=delete&count=2"
    assert "2 images deleted" in owner.get(answer.headers["Location"]).text
    assert keys(owner.get("/gallery")) == [kept]
    assert owner.get(f"/{first}").status_code == 404
    assert parts.catalog.uploads.get(first).state is State.DELETED
    assert act(owner, "delete", first, second).status_code == 404


def test_scripts_are_told_what_is_no_longer_in_their_list(owner, parts, add):
    first, second = add(1), add(2)
    album = parts.catalog.albums.make("Trip", now=parts.uploads.clock())

    def told(action, key, **fields):
        return act(owner, action, key, headers=JSON, **fields).json

    assert told("favourite", first) == {"message": "1 image among the favourites", "gone": []}
    assert told("put", first, to=album.id) == {"message": "1 image in the album", "gone": []}
    assert told("take", first, to=album.id, album=album.id)["gone"] == [first]
    assert told("take", first, to=album.id)["gone"] == []
    assert told("delete", second, sure=1) == {"message": "1 image deleted", "gone": [second]}
    assert act(owner, "put", first, headers=JSON, to=99).status_code == 404


def test_many_are_tagged_favoured_and_put_into_albums(owner, parts, add):
    these = [add(seed, tags="a") for seed in range(3)]
    act(owner, "tag", *these[:2], tags="Cat, at home")
    act(owner, "untag", these[0], tags="a")
    act(owner, "favourite", *these)
    act(owner, "unfavourite", these[2])
    act(owner, "put", *these[:2], new_album="Trip")

    assert [parts.catalog.uploads.get(key).tags for key in these] == [
        ("cat", "at home"),
        ("a", "cat", "at home"),
        ("a",),
    ]
    assert sorted(keys(owner.get("/gallery?q=is:favourite"))) == sorted(these[:2])
    [album] = parts.catalog.albums.all()
    assert sorted(keys(owner.get(f"/gallery?album={album.id}"))) == sorted(these[:2])
    assert sorted(keys(owner.get("/gallery?tag=at+home"))) == sorted(these[:2])
    assert act(owner, "put", these[2], headers=JSON, new_album="Trip").status_code == 409


def test_an_image_has_a_page_with_all_that_is_known_and_every_link(owner, parts, add):
    key = add(title="Cat", tags="pets", name="IMG_1.png", expires="7d")
    told = owner.get(f"/api/uploads/{key}", headers={"Authorization": f"Bearer {OWNER}"}).json

    page = unescape(owner.get(f"/gallery/{key}").text)

    for text in ("Cat", "#pets", "IMG_1.png", "64 × 48", "image/png", told["sha256"], "token laptop", key):
        assert text in page
    for link in ("url", "thumbnail_url", "deletion_url"):
        assert f'value="{told[link]}"' in page
    assert f"![]({told['url']})" in page and f"[img]{told['url']}[/img]" in page
    assert owner.get("/gallery/22222222.png").status_code == 404


def test_title_tags_and_expiry_are_changed_on_the_images_page(owner, parts, add):
    key = add(title="old", tags="x", expires="1d")
    expires_at = parts.catalog.uploads.get(key).expires_at

    def edit(**fields):
        return owner.post(f"/gallery/{key}", data={"csrf": csrf(owner), **fields})

    assert edit(title="new", tags="Y, z", expires="").status_code == 303
    found = parts.catalog.uploads.get(key)
    assert (found.title, found.tags, found.expires_at) == ("new", ("y", "z"), expires_at)
    edit(title="", tags="", expires="7d")
    found = parts.catalog.uploads.get(key)
    assert (found.title, found.tags) == (None, ())
    assert timedelta(days=6) < found.expires_at - parts.uploads.clock() <= timedelta(days=7)
    edit(expires="never")
    assert parts.catalog.uploads.get(key).expires_at is None
    assert edit(expires="yesterday").status_code == 400
    assert owner.post("/gallery/22222222.png", data={"csrf": csrf(owner)}).status_code == 404


@pytest.mark.parametrize("sort", ["newest", "oldest", "largest", "smallest"])
def test_the_images_beside_are_those_of_the_list(owner, add, sort):
    for seed in range(3):
        add(seed, tags="cat")
    add(9)
    query = f"q=tag%3Acat&sort={sort}"
    first, second, third = keys(owner.get(f"/gallery?{query}"))

    def beside(key):
        page = owner.get(f"/gallery/{key}?{query}").text
        found = (re.search(rf'rel="{rel}" href="/gallery/([^?"]+)', page) for rel in ("prev", "next"))
        return [one[1] if one else None for one in found]

    assert [beside(key) for key in (first, second, third)] == [[None, second], [first, third], [second, None]]


def test_texts_full_of_markup_are_texts(owner, parts, add):
    key = add(title=HOSTILE, tags=HOSTILE.replace(",", ""), name=HOSTILE.replace("/", "") + ".png")
    row = parts.catalog.uploads.get(key)
    parts.catalog.thumbnails.failed(row, HOSTILE, is_over=True)
    album = parts.catalog.albums.make(HOSTILE, now=parts.uploads.clock())
    parts.catalog.albums.put_in(album.id, [key])
    parts.catalog.albums.share(album.id, "s" * 24, until=None)

    paths = (
        "/gallery",
        f"/gallery/{key}",
        f"/tiles?key={key}",
        f"/gallery?album={album.id}",
        "/albums",
        f"/a/{'s' * 24}",
    )
    for path in (*paths, f"/gallery?q={HOSTILE}", f"/gallery?tag={HOSTILE}"):
        page = owner.get(path).text
        assert "<script>alert" not in page and "onx='" not in page and "onx='49" not in unescape(page), path
    assert "alert(1)" in owner.get(f"/gallery/{key}").text
    assert "<script>alert" not in act(owner, "delete", key).text


def test_what_a_thumbnail_is_decides_what_is_shown(owner, parts, add):
    small, damaged, drawn = add(1), add(2), add(3)
    png = samples.make("png", 300, 200, seed=5, compress_level=0)
    large = owner.post("/api/upload", data=png, headers=AUTH).json["key"]
    rows = {key: parts.catalog.uploads.get(key) for key in (damaged, drawn)}
    parts.catalog.thumbnails.failed(rows[damaged], "cut off", is_over=True)
    parts.catalog.thumbnails.made(rows[drawn], version_id=None, blurhash=HASH, color="#aabbcc", problem=None)

    def tile(key):
        return unescape(owner.get(f"/tiles?key={key}").text)

    assert f'src="http://127.0.0.1:8080/{small}"' in tile(small) and "data-due" in tile(small)
    assert "<img" not in tile(large) and "data-due" in tile(large)
    assert 'title="cut off">Damaged<' in tile(damaged) and "<img" not in tile(damaged)
    assert f'/t/{drawn[:-4]}.webp"' in tile(drawn) and f'data-hash="{HASH}"' in tile(drawn)
    assert 'width="64" height="48"' in tile(drawn) and 'loading="lazy"' in tile(drawn)
    assert keys(owner.get(f"/tiles?key={drawn}&key=22222222.png")) == [drawn]
    assert owner.get("/tiles?" + "&".join(["key=k"] * 501)).status_code == 400


def test_selected_images_come_as_one_zip_under_names_that_can_be_read(owner, parts, add):
    these = [add(1, name="Cat.png"), add(2, name="Cat.png"), add(3, name="a: b?.gif", kind="gif")]
    sent = [samples.make("gif" if seed == 3 else "png", seed=seed) for seed in (1, 2, 3)]

    answer = act(owner, "zip", *these, "22222222.png")

    assert answer.headers["Content-Type"] == "application/zip"
    assert re.fullmatch(r'attachment; filename="bowerbird-[-\d]+\.zip"', answer.headers["Content-Disposition"])
    found = zipfile.ZipFile(io.BytesIO(answer.data))
    assert found.testzip() is None
    day = f"{parts.uploads.clock():%Y-%m-%d}"
    assert found.namelist() == [f"{day} {stem} {key}" for stem, key in zip(("Cat", "Cat", "a b"), these, strict=True)]
    assert [found.read(name) for name in found.namelist()] == sent
    assert all(one.compress_type == zipfile.ZIP_STORED for one in found.infolist())


def test_a_zip_says_what_is_missing_and_a_store_that_is_away_is_told(owner, parts, add, monkeypatch):
    lost, kept = add(1, name="lost.png"), add(2, name="kept.png")
    parts.store.delete(lost)

    found = zipfile.ZipFile(io.BytesIO(act(owner, "zip", lost, kept).data))

    assert [name.split()[-1] for name in found.namelist()] == [kept, "MISSING.txt"]
    assert found.read("MISSING.txt").decode().endswith(f" lost {lost} is no longer stored\n")
    assert act(owner, "zip", "22222222.png").status_code == 404

    def away(*args, **kwargs):
        raise StoreUnavailable("the store is away")

    monkeypatch.setattr(parts.store, "fetch", away)
    answer = act(owner, "zip", kept, headers=JSON)
    assert (answer.status_code, answer.json["error"]) == (503, "the store is away")


def test_a_zip_that_breaks_off_is_no_whole_file(owner, parts, add, monkeypatch):
    first, second = add(1), add(2)
    fetch = parts.store.fetch

    def broken(key, into, **values):
        if key == second:
            raise StoreUnavailable("the store is away")
        return fetch(key, into, **values)

    monkeypatch.setattr(parts.store, "fetch", broken)
    with pytest.raises(StoreUnavailable):  # gunicorn then closes the connection without the last chunk
        act(owner, "zip", first, second)


def test_what_was_done_is_told_from_a_table_alone():
    assert picked.said({"did": "delete", "count": "1"}) == "1 image deleted"
    for wrong in ({"did": "<b>", "count": "1"}, {"did": "delete", "count": "<b>"}, {"did": "delete", "count": "²"}):
        assert picked.said(wrong) is None
