"""app/containers/bmff.py: what writers of AVIF and HEIC do that others take for an error, and where they tell more."""

import functools
import io
import struct

import pytest
from PIL import Image

from app import images, metadata
from app.containers import bmff
from app.containers.base import Bounds
from app.errors import BadImage
from tests.samples import SECRET, animated, make, picture


def rewrite(data: bytes, *, keep_metadata: bool = False) -> bytes:
    out = io.BytesIO()
    metadata.strip(io.BytesIO(data), out, bmff.walk(io.BytesIO(data), Bounds()), keep_metadata=keep_metadata)
    return out.getvalue()


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def grown(data: bytes, at: int, more: bytes, *around: bytes) -> bytes:
    """Return an AVIF with more bytes at one place within the boxes `around`, and its items where they are then."""
    whole = bytearray(data[:at] + more + data[at:])
    for place in (data.index(kind) - 4 for kind in around):
        whole[place : place + 4] = struct.pack(">I", struct.unpack_from(">I", data, place)[0] + len(more))
    place = data.index(b"iloc") + 4
    (count,) = struct.unpack_from(">H", whole, place + 6)
    for start in range(place + 8, place + 8 + 14 * count, 14):  # number, file, one extent: its place and its length
        offset = struct.unpack_from(">I", whole, start + 6)[0]
        struct.pack_into(">I", whole, start + 6, offset + len(more))
    return bytes(whole)


@functools.cache
def seen_through() -> bytes:
    """Return an AVIF of two items: picture and transparency."""
    image, file = picture(mode="RGBA").copy(), io.BytesIO()
    image.putalpha(picture(mode="L", seed=2))
    image.save(file, "AVIF")
    return file.getvalue()


@functools.cache
def two_tables() -> bytes:
    """Return it with a table of properties for each of its items."""
    whole = seen_through()
    at = whole.index(b"ipma") - 4
    size, count = struct.unpack_from(">I", whole, at)[0], struct.unpack_from(">I", whole, at + 12)[0]
    first = at + 16
    second = first + 3 + whole[first + 2]
    assert count == 2
    tables = [box(b"ipma", struct.pack(">II", 0, 1) + one) for one in (whole[first:second], whole[second : at + size])]
    longer = grown(whole, at, b"\0" * 16, b"meta", b"iprp")
    return longer[:at] + b"".join(tables) + longer[at + 16 + size :]


@pytest.mark.parametrize("keep_metadata", [True, False])
def test_a_table_for_each_item_becomes_one_that_every_reader_takes(keep_metadata):
    whole, shown = two_tables(), Image.open(io.BytesIO(seen_through())).convert("RGBA")
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(whole))

    once = rewrite(whole, keep_metadata=keep_metadata)

    assert images.inspect(io.BytesIO(whole), Bounds()).content_type == "image/avif"
    assert Image.open(io.BytesIO(once)).convert("RGBA").tobytes() == shown.tobytes()
    assert rewrite(once, keep_metadata=keep_metadata) == once and len(once) == len(whole)


@pytest.mark.parametrize("missing", [b"pitm", b"iinf", b"iprp", b"hdlr"])
def test_an_animation_needs_no_item_that_is_its_picture(missing):
    whole = animated("avif")
    at = whole.index(missing)
    without = whole[:at] + b"free" + whole[at + 4 :]

    found = bmff.walk(io.BytesIO(without), Bounds())

    assert (found.width, found.height, found.frames) == (64, 48, 4)
    with pytest.raises(BadImage, match=missing.decode()):
        still = make("avif")
        at = still.index(missing)
        bmff.walk(io.BytesIO(still[:at] + b"free" + still[at + 4 :]), Bounds())


@pytest.mark.parametrize("kind", [b"udes", b"altt", b"crtt", b"mdft"])
def test_what_a_property_tells_of_the_sender_goes(kind):
    whole = make("avif")
    at = whole.index(b"ipma") - 4
    telling = grown(whole, at, box(kind, b"\0\0\0\0" + SECRET), b"meta", b"iprp", b"ipco")

    once = rewrite(telling)

    assert SECRET in rewrite(telling, keep_metadata=True) and SECRET not in once
    assert Image.open(io.BytesIO(once)).tobytes() == Image.open(io.BytesIO(whole)).tobytes()


def test_every_box_of_a_foreign_kind_goes_however_many_there_are():
    whole = make("avif")
    at = whole.index(b"iprp") - 4
    foreign = box(b"uuid", b"0123456789abcdef" + SECRET)

    once = rewrite(grown(whole, at, foreign * 2, b"meta"))

    assert SECRET not in once
