"""Keys, options, cursors and headers of any words: read as what they say, or refused by name."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import amounts, keys, paging, receiving, search
from app.errors import BadRequest
from app.web import options
from fuzz import targets
from tests.hostile.examples import examples

ANY = st.text(st.characters(), max_size=300)  # lone surrogates and controls too
NEAR = st.lists(
    st.sampled_from(
        [
            *"0159,:;.-+ TZhdwyMB\"'%=*/\\",
            "filename",
            "utf-8''",
            "tag:",
            "since:",
            "bytes",
            "=?utf-8?B?",
            "²",
            "٣",
            "\0",
        ]
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("name", ["wishes", "names", "tus", "cursor", "fields", "orientation"])
@examples(60)
@given(text=ANY | NEAR, first=st.sampled_from([b"", b"\0", b"\xff"]))
def test_any_words_are_read_or_refused_by_name(name, text, first):
    targets.TARGETS[name](first + text.encode("utf-8", "surrogatepass"))


@examples(60)
@given(st.integers(0, 2**63 - 1) | st.datetimes(timezones=st.just(UTC)), ANY)
def test_a_cursor_stands_for_the_row_that_it_was_made_of(value, key):
    cursor = paging.Cursor(value, key)

    assert paging.decode(paging.encode(cursor)) == cursor


@examples(80)
@given(ANY | NEAR)
def test_what_was_made_fit_to_be_shown_is_so_for_good(text):
    for fit in (options.title_of, receiving.clean_name, lambda text: ",".join(options.tags_of(text))):
        try:
            once = fit(text)
        except BadRequest:
            continue

        assert fit(once or "") == once
        assert not once or not any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in once)


@examples(60)
@given(ANY | NEAR)
def test_an_expiry_lies_ahead_or_is_refused(text):
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    try:
        moment = amounts.expiry(text, now)
    except BadRequest:
        return

    assert moment is None or now <= moment <= now + amounts.MAX_LIFE


@examples(60)
@given(st.integers(0, amounts.MAX_SIZE))
def test_a_size_is_read_as_it_is_written(count):
    assert amounts.size(amounts.exact_size(count)) == count


@examples(60)
@given(ANY | st.text(keys.ALPHABET, min_size=6, max_size=64).map(lambda stem: stem + ".png"))
def test_a_key_is_plain_ascii_and_no_path(text):
    if keys.is_key(text):
        assert text.isascii() and text.replace(".", "", 1).isalnum()
    assert not keys.is_key(text + "\n") and not keys.is_key(f"../{text}")


@examples(60)
@given(ANY | NEAR)
def test_a_search_is_bounded(text):
    try:
        found = search.parse(text)
    except BadRequest:
        return

    assert len(found.words) <= search.MAX_WORDS and all(len(word) <= search.MAX_WORD for word in found.words)
