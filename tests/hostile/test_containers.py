"""The walkers with images that something happened to: written so that they show the same, or refused by name."""

import io

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app import images
from app.errors import Refused
from fuzz import targets
from tests import samples
from tests.hostile.examples import examples

BOUNDS = targets.BOUNDS
NUMBERS = st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0", b"\xff\xd8\xff"])


@st.composite
def mangled(draw) -> bytes:
    """Return an image of any kind, with a few bytes changed, cut out, put in, doubled or overwritten."""
    kind = draw(st.sampled_from(list(samples.TYPES)))
    whole = bytearray(samples.telling(kind))
    for _ in range(draw(st.integers(1, 6))):
        place, count = draw(st.integers(0, len(whole))), draw(st.integers(1, 40))
        match draw(st.sampled_from(["flip", "cut", "insert", "fill", "double"])):
            case "flip":
                whole[place : place + 1] = bytes(byte ^ count for byte in whole[place : place + 1])
            case "cut":
                del whole[place : place + count]
            case "insert":
                whole[place:place] = draw(st.binary(max_size=20))
            case "fill":
                whole[place : place + 4] = draw(NUMBERS)
            case "double":
                whole[place:place] = whole[place : place + count]
    return samples.mended(bytes(whole)) if kind == "png" and draw(st.booleans()) else bytes(whole)


def shown(data: bytes) -> tuple[str, bytes] | None:
    """Return what Pillow shows of an image, None if it shows nothing."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image.mode, image.tobytes()
    except Exception:  # noqa: BLE001 it raises anything
        return None


@examples(200)
@given(mangled())
def test_whatever_comes_is_taken_or_refused_by_name(data):
    try:
        found = images.inspect(io.BytesIO(data), BOUNDS)
    except Refused as e:
        assert 0 < len(str(e)) <= 300
        return
    once = targets.rewritten(data, found.container)
    again = images.inspect(io.BytesIO(once), BOUNDS)

    assert (again.content_type, again.width, again.height) == (found.content_type, found.width, found.height)
    assert again.container.frames == found.container.frames
    assert targets.rewritten(once, again.container) == once
    before = shown(data)
    assert before is None or shown(once) == before
