"""app/metadata.py: everything of the sender goes, every pixel stays; exiftool and Pillow are the judges."""

import io
import json
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from app import images, metadata
from app.containers.base import Bounds
from tests import samples
from tests.programs import missing

FOREIGN = ("EXIF", "IFD0", "ExifIFD", "GPS", "XMP", "IPTC", "Photoshop", "MakerNotes", "IFD1", "MPF", "JFXX")


def strip(data: bytes, *, keep_metadata: bool = False) -> bytes:
    out = io.BytesIO()
    found = images.inspect(io.BytesIO(data), Bounds())
    metadata.strip(io.BytesIO(data), out, found.container, keep_metadata=keep_metadata)
    return out.getvalue()


def is_bare(data: bytes, *, keep_metadata: bool) -> bool:
    container = images.inspect(io.BytesIO(data), Bounds()).container
    return metadata.is_bare(container, len(data), keep_metadata=keep_metadata)


def frames(data: bytes) -> list[tuple[bytes, int | None]]:
    image, found = Image.open(io.BytesIO(data)), []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        found.append((image.convert("RGBA").tobytes(), image.info.get("duration")))
    return found


def told() -> dict[str, bytes]:
    still = {kind: samples.telling(kind) for kind in samples.KEPT}
    moving = {
        "apng": samples.animated("png", exif=samples.exif()),
        "animated gif": samples.animated("gif", comment=samples.SECRET),
        "animated webp": samples.animated("webp", exif=samples.exif(), xmp=samples.XMP),
        "animated avif": samples.animated("avif"),  # given EXIF, Pillow 13.0 crashes as it writes one
    }
    return still | moving


@pytest.mark.parametrize("name", told())
def test_no_byte_of_the_sender_is_left_and_no_pixel_changes(name):
    before = told()[name]

    after = strip(before)

    assert samples.SECRET not in after
    assert b"SerialNumber" not in after
    assert frames(after) == frames(before)
    assert strip(after) == after


@pytest.mark.parametrize("keep_metadata", [False, True])
@pytest.mark.parametrize("name", told())
def test_what_is_called_bare_is_written_as_it_is(name, keep_metadata):
    for data in (told()[name], strip(told()[name])):
        if is_bare(data, keep_metadata=keep_metadata):
            assert strip(data, keep_metadata=keep_metadata) == data


@pytest.mark.parametrize("kind", ["png", "gif"])
def test_an_image_without_metadata_is_bare_and_one_with_it_if_it_is_kept(kind):
    plain, telling = samples.make(kind), samples.telling(kind)

    assert is_bare(plain, keep_metadata=False)
    assert not is_bare(plain + b"tail", keep_metadata=True)
    assert not is_bare(telling, keep_metadata=False)
    assert is_bare(telling, keep_metadata=True)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif"])
def test_the_orientation_and_the_profile_stay(kind):
    profile = b"\0" * 128 + b"profile"
    image = io.BytesIO()
    samples.picture().save(image, kind.upper(), exif=samples.exif(8), icc_profile=profile)

    after = Image.open(io.BytesIO(strip(image.getvalue())))

    assert after.getexif().get(0x0112) == 8
    assert after.info["icc_profile"] == profile


@pytest.mark.parametrize("kind", samples.KEPT)
@pytest.mark.parametrize("tail", [b"PK\3\4" + b"zip" * 50, b"<html><script>alert(1)</script>", b"%PDF-1.4", b"\0" * 9])
def test_what_stands_behind_the_end_goes_even_with_keep_metadata(kind, tail):
    whole = samples.telling(kind)

    assert strip(whole + tail, keep_metadata=True) == whole
    assert tail not in strip(whole + tail) or tail == b"\0" * 9


@pytest.mark.parametrize("keep_metadata", [False, True])
def test_the_further_images_of_a_phones_photo_go_with_what_they_tell(keep_metadata):
    first = samples.make("jpeg", exif=samples.exif())
    index = b"\xff\xe2\0\x0aMPF\0" + b"II*\0"
    whole = first[:2] + index + first[2:] + samples.telling("jpeg") + b"SEFT trailer"

    after = strip(whole, keep_metadata=keep_metadata)

    assert after == strip(first, keep_metadata=keep_metadata)
    assert (samples.SECRET in after) is keep_metadata


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp", "avif"])
def test_keep_metadata_keeps_it(kind):
    assert samples.SECRET in strip(samples.telling(kind), keep_metadata=True)


@pytest.mark.parametrize("name", ["animated gif", "apng", "animated webp"])
def test_an_animation_goes_on_as_often_as_before(name):
    before, after = Image.open(io.BytesIO(told()[name])), Image.open(io.BytesIO(strip(told()[name])))

    assert after.n_frames == before.n_frames == 4
    assert after.info.get("loop") == before.info.get("loop")


if "exiftool" not in missing():

    def test_exiftool_finds_nothing_of_the_sender(tmp_path: Path):
        suffixes = {"apng": "png", "animated gif": "gif", "animated webp": "webp", "animated avif": "avif"}
        for name, data in told().items():
            suffix = suffixes.get(name, name)
            (tmp_path / f"{name} before.{suffix}").write_bytes(data)
            (tmp_path / f"{name} after.{suffix}").write_bytes(strip(data))

        tags = {Path(one["SourceFile"]).stem: one for one in _exiftool(tmp_path)}

        for name in told():
            before, after = (_foreign(tags[f"{name} {when}"]) for when in ("before", "after"))
            comments = [any("Comment" in tag for tag in tags[f"{name} {when}"]) for when in ("before", "after")]
            assert before or comments[0] or name == "animated avif", f"the sample of {name} tells nothing"
            assert after <= {"IFD0:Orientation"}, f"{name} still tells {after}"
            assert not comments[1]
            assert not [tag for tag in tags[f"{name} after"] if "Warning" in tag]

    def _exiftool(folder: Path) -> list[dict[str, str]]:
        done = subprocess.run(
            ["exiftool", "-j", "-G1", "-a", "-r", str(folder)], capture_output=True, check=True, timeout=60
        )
        return json.loads(done.stdout)

    def _foreign(tags: dict[str, str]) -> set[str]:
        return {tag for tag in tags if tag.partition(":")[0].startswith(FOREIGN) and tag != "IFD0:ExifByteOrder"}
