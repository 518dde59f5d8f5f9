"""The HTTP API of the library, request by request."""

import io

import pytest

from tests import samples
from tests.conftest import OWNER, UPLOADER

AUTH = {"Authorization": f"Bearer {UPLOADER}"}
OWNER_AUTH = {"Authorization": f"Bearer {OWNER}"}


@pytest.fixture
def add(client):
    """Upload an image of its own, and return its key."""

    def make(seed, name="shot.png", **fields):
        form = {**fields, "file": (io.BytesIO(samples.make("png", seed=seed)), name)}
        return client.post("/api/upload", data=form, headers=AUTH).json["key"]

    return make


def ask(client, query="", **arguments):
    return client.get(f"/api/uploads{query}", query_string=arguments, headers=OWNER_AUTH)


def edit(client, key, /, **values):
    return client.patch(f"/api/uploads/{key}", json=values, headers=OWNER_AUTH)


def test_the_list_goes_on_where_the_page_before_ended(client, add):
    added = {add(seed) for seed in range(5)}
    first = ask(client, limit=2)
    second = ask(client, limit=2, cursor=first.json["next"])
    last = ask(client, limit=2, cursor=second.json["next"])

    pages = [[one["key"] for one in answer.json["uploads"]] for answer in (first, second, last)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {key for page in pages for key in page} == added
    assert last.json["next"] is None and "Link" not in last.headers
    link = f'<http://127.0.0.1:8080/api/uploads?limit=2&cursor={first.json["next"]}>; rel="next"'
    assert first.headers["Link"] == link


def test_the_list_tells_what_its_owner_gave_each_upload(client, add):
    key = add(1, title="Cat", tags="Pets, home", name="IMG_1.png")
    (one,) = ask(client).json["uploads"]

    assert one["key"] == key and one["url"].endswith(key)
    assert (one["title"], one["tags"], one["file_name"], one["favourite"]) == (
        "Cat",
        ["pets", "home"],
        "IMG_1.png",
        False,
    )
    assert client.get(f"/api/uploads/{key}", headers=OWNER_AUTH).json == one


def test_letters_that_macos_takes_apart_are_found(client, add):
    key = add(1, name="Cafe\u0301.png", title="Fu\u0308r uns")

    for words in ("caf\xe9", "cafe\u0301", "f\xfcr"):
        assert [one["key"] for one in ask(client, q=words).json["uploads"]] == [key]


def test_words_tags_and_order_are_asked_for_in_the_query(client, add):
    cat, dog = add(1, title="cat", tags="pets"), add(2, title="dog", tags="pets, b")

    def keys(**arguments):
        return [one["key"] for one in ask(client, **arguments).json["uploads"]]

    assert keys(q="cat") == [cat]
    assert keys(tag="Pets", q="dog") == keys(tag=["pets", "b"]) == [dog]
    assert keys(q="tag:pets type:png cat larger:1b") == [cat]
    assert set(keys(tag="pets", sort="smallest")) == {cat, dog}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"cursor": "abc"}, "cursor"),
        ({"cursor": "W10"}, "cursor"),
        ({"limit": "201"}, "1 to 200"),
        ({"limit": "0"}, "1 to 200"),
        ({"limit": "many"}, "'many'"),
        ({"sort": "name"}, "newest"),
        ({"album": "x"}, "'x'"),
        ({"q": "type:exe"}, "'exe'"),
        ({"q": "since:2026-13-01"}, "'2026-13-01'"),
        ({"q": "since:99999999999999999999"}, "no date"),
        ({"tag": [f"t{number}" for number in range(21)]}, "21 tags"),
        ({"q": "since:99999999999"}, "'99999999999'"),
        ({"q": "larger:9999999TB"}, "1,048,576 TB"),
        ({"q": "larger:much"}, "'much'"),
        ({"q": "is:blue"}, "is:favourite"),
        ({"q": "a" * 201}, "201"),
        ({"q": " ".join("abcdefghi")}, "9 words"),
        ({"sort": "largest", "cursor": "WyIyMDI2LTExLTIzVDEyOjAwOjAwKzAwOjAwIiwiayJd"}, "order"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(client, arguments, said):
    answer = ask(client, **arguments)

    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert said in answer.json["error"]


def test_an_upload_is_edited_as_json_or_as_a_form(client, add):
    key = add(1, title="old")
    first = edit(client, key, title="new", tags=["A", "b c"], favourite=True, expires="1h").json
    form = {"tags": "x,y", "expires": "never", "favourite": "0", "title": ""}
    second = client.patch(f"/api/uploads/{key}", data=form, headers=OWNER_AUTH).json

    assert (first["title"], first["tags"], first["favourite"]) == ("new", ["a", "b c"], True)
    assert first["expires_at"] > first["created_at"]
    assert (second["title"], second["tags"], second["favourite"], second["expires_at"]) == (
        None,
        ["x", "y"],
        False,
        None,
    )
    assert ask(client, tag="x").json["uploads"] == [second]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "nothing to change"),
        ({"key": "other.png"}, "'key'"),
        ({"title": "x", "sha256": "0"}, "'sha256'"),
        ({"title": 7}, "title is '7'"),
        ({"title": "x" * 201}, "201"),
        ({"tags": [1]}, "tags is '[1]'"),
        ({"tags": ["a,b"]}, "tags is"),
        ({"tags": [str(number) for number in range(21)]}, "21 tags"),
        ({"expires": "yesterday"}, "'yesterday'"),
        ({"expires": "2020-01-01"}, "'2020-01-01'"),
        ({"favourite": "perhaps"}, "'perhaps'"),
    ],
)
def test_what_cannot_be_is_not_written(client, add, values, said):
    key = add(1, title="old", tags="a")
    before = client.get(f"/api/uploads/{key}", headers=OWNER_AUTH).json
    answer = edit(client, key, **values)

    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert said in answer.json["error"]
    assert client.get(f"/api/uploads/{key}", headers=OWNER_AUTH).json == before


def test_the_last_year_there_is_has_an_end(client, add):
    key = add(1)

    for q in ("until:9999", "until:9999-12 since:2020", "until:9999-12-31"):
        assert [one["key"] for one in ask(client, q=q).json["uploads"]] == [key]


def test_a_word_of_letters_that_the_index_does_not_know_is_no_fault_of_the_server(client, add):
    add(1)

    assert ask(client, q="\u19b0a\u19b1b").status_code in (200, 400)


@pytest.mark.parametrize("body", [b"[]", b"{", b"7", b"null", b"[" * 60_000, b'{"title":' * 7000])
def test_a_body_that_is_no_object_is_refused(client, add, body):
    headers = {**OWNER_AUTH, "Content-Type": "application/json"}
    answer = client.patch(f"/api/uploads/{add(1)}", data=body, headers=headers)

    assert answer.status_code == 400


def test_only_a_token_that_may_manage_sees_or_edits(client, add):
    key = add(1)

    for method, path in (("GET", "/api/uploads"), ("GET", f"/api/uploads/{key}"), ("PATCH", f"/api/uploads/{key}")):
        assert client.open(path, method=method, json={"title": "x"}).status_code == 401
        assert client.open(path, method=method, json={"title": "x"}, headers=AUTH).status_code == 403


def test_what_is_gone_cannot_be_edited(client, add):
    key = add(1)
    client.delete(f"/api/uploads/{key}", headers=OWNER_AUTH)

    assert edit(client, key, title="x").status_code == edit(client, "k7Wq3Zpx.png", title="x").status_code == 404
