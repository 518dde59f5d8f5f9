"""app/containers/tiff.py: TIFF and BigTIFF, in either order of bytes."""

import io
import struct

import pytest
from PIL import Image

from app.containers import tiff
from app.containers.base import Bounds
from app.errors import BadImage
from tests.samples import picture


def made(**options: bool) -> bytes:
    file = io.BytesIO()
    picture().save(file, "TIFF", **options)
    return file.getvalue()


@pytest.mark.parametrize("is_big", [False, True])
def test_a_tiff_is_walked_page_by_page(is_big):
    whole = made(big_tiff=is_big, save_all=True, append_images=[picture(seed=2), picture(seed=3)])

    found = tiff.walk(io.BytesIO(whole), Bounds())

    assert (found.width, found.height, found.frames) == (64, 48, 3)
    assert found.end == len(whole)
    with pytest.raises(BadImage):
        tiff.walk(io.BytesIO(whole[:4000]), Bounds())


@pytest.mark.parametrize("order", "<>")
def test_a_page_may_end_the_file_without_saying_that_it_is_the_last(order):
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 9) + b"\x7f"
    entries = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 1}
    page = struct.pack(order + "H", len(entries))
    page += b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in entries.items())

    assert tiff.walk(io.BytesIO(head + page), Bounds()).frames == 1
    with pytest.warns(UserWarning, match="Expecting to read 4 bytes"):
        assert Image.open(io.BytesIO(head + page)).getpixel((0, 0)) == 0x7F
    with pytest.raises(BadImage, match="cut off"):
        tiff.walk(io.BytesIO(head + page[:-1]), Bounds())
