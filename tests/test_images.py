"""app/images.py and the walkers: what is taken as what, and what is refused."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from app import images, metadata
from app.containers.base import Bounds
from app.errors import BadImage, EmptyFile, UnsupportedType
from tests import samples


def inspect(data: bytes, **bounds: int) -> images.Inspection:
    return images.inspect(io.BytesIO(data), Bounds(**bounds))


@pytest.mark.parametrize("kind", samples.TYPES)
def test_each_kind_is_known_by_its_bytes(kind):
    found = inspect(samples.make(kind))

    assert found.content_type == samples.TYPES[kind]
    assert (found.width, found.height) == (64, 48) or kind == "heif"  # its encoder pads, and says what to cut off
    assert found.converts_to == {"heif": "image/jpeg", "tiff": "image/png", "bmp": "image/png"}.get(kind)


@pytest.mark.parametrize("kind", ["png", "gif", "webp", "avif"])
def test_frames_are_counted(kind):
    assert inspect(samples.animated(kind, 4)).container.frames == 4


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("png", "1", {}),
        ("png", "L", {}),
        ("png", "LA", {}),
        ("png", "P", {}),
        ("png", "RGBA", {}),
        ("png", "I;16", {}),
        ("jpeg", "L", {}),
        ("jpeg", "CMYK", {}),
        ("jpeg", "RGB", {"progressive": True}),
        ("jpeg", "RGB", {"icc_profile": b"x" * 200_000}),
        ("webp", "RGBA", {"lossless": True}),
        ("webp", "RGBA", {}),
        ("avif", "RGBA", {}),
        ("tiff", "CMYK", {}),
        ("bmp", "1", {}),
    ],
)
def test_odd_but_honest_images_are_taken(kind, mode, options):
    image, file = samples.picture().convert("RGB"), io.BytesIO()
    image = image.convert("L").convert(mode) if mode == "I;16" else image.convert(mode)
    image.save(file, kind.upper(), **options)

    assert inspect(file.getvalue()).content_type == samples.TYPES[kind]


def test_a_profile_over_a_megabyte_is_taken():
    assert inspect(samples.make("png", icc_profile=b"\0" * 2_000_000)).content_type == "image/png"


def test_a_phones_photo_that_pillow_calls_mpo_is_a_jpeg():
    file = io.BytesIO()
    samples.picture().save(file, "MPO", save_all=True, append_images=[samples.picture(seed=2)])
    out = io.BytesIO()

    found = inspect(file.getvalue())
    metadata.strip(file, out, found.container)

    assert found.content_type == "image/jpeg"
    assert Image.open(out).format == "JPEG"
    assert b"MPF\0" not in out.getvalue()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"<!doctype html><html><script>alert(1)</script>", "text/html"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
        (b"PK\3\4\x14\0\0\0\0\0" + b"\0" * 40, "application/zip"),
        (b"%PDF-1.7\n" + samples.make("png"), "application/pdf"),
        (b"\0\0\0\x1cftypmp42" + b"\0" * 60, "video/mp4"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
        (b"8BPS\0\1" + b"\0" * 6 + b"\0\3\0\0\0\1\0\0\0\1\0\x08\0\3", "image/vnd.adobe.photoshop"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "application/postscript"),
        (b"push graphic-context\nviewbox 0 0 640 480\n", "image/x-mvg"),
        (b"BM is how this sentence begins, and nothing else", "text/plain"),
        (b"BM", "text/plain"),
        (b"a", "application/octet-stream"),
        (b"\x7fELF\2\1\1" + b"\0" * 60, ""),
        (b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + b"\0" * 60, ""),
        (b" " + samples.make("png"), ""),
    ],
)
def test_what_is_no_image_is_refused_with_the_type_that_was_found(data, found):
    with pytest.raises(UnsupportedType) as caught:
        inspect(data)

    assert found in caught.value.found
    assert caught.value.found in str(caught.value)


def test_an_empty_file_is_refused():
    with pytest.raises(EmptyFile):
        inspect(b"")


@pytest.mark.parametrize("kind", samples.TYPES)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(kind, part):
    data = samples.make(kind, 200, 150)

    with pytest.raises(BadImage):
        inspect(data[: int(len(data) * part)])


@pytest.mark.parametrize(
    "data",
    [
        samples.make("png")[:-12],
        samples.make("jpeg")[:-2],
        samples.make("gif")[:-1],
        samples.make("png").replace(b"IDAT", b"IDAU", 1),
        samples.make("png")[:60] + b"\0" + samples.make("png")[61:],
        samples.png_header(10, 10) + samples.chunk(b"IEND", b""),
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xd9",
        b"GIF89a\x0a\0\x0a\0\0\0\0;",
        b"RIFF\x0c\0\0\0WEBPVP8 ",
    ],
)
def test_a_broken_container_is_refused(data):
    with pytest.raises(BadImage):
        inspect(data)


@pytest.mark.parametrize("kind", samples.TYPES)
def test_a_signature_alone_is_a_broken_image(kind):
    start = samples.make(kind)[: {"heif": 12, "avif": 12, "webp": 12, "bmp": 18, "tiff": 4, "jpeg": 3}.get(kind, 8)]

    assert images.looks_like_image(start)
    with pytest.raises(BadImage):
        inspect(start)


def test_a_name_of_libmagic_without_the_signature_is_a_broken_image():
    with pytest.raises(BadImage, match="image/gif"):
        inspect(b"GIF88a" + samples.make("gif")[6:])


@pytest.mark.parametrize("start", [b"", b"file=%89PNG", b"BM=1&b=2", b"<svg", b"%PDF-1.7", b"RIFF\0\0\0\0WAVE"])
def test_other_bytes_do_not_look_like_an_image(start):
    assert not images.looks_like_image(start)


@pytest.mark.parametrize("kind", ["webp", "avif"])
def test_what_is_too_large_to_be_read_whole_is_left_to_a_decoder(kind, monkeypatch):
    data = samples.make(kind)
    monkeypatch.setattr(images, "_WHOLE_BYTES", len(data) - 1)

    assert inspect(data).needs_decoder_check
    monkeypatch.setattr(images, "_WHOLE_BYTES", len(data))
    assert not inspect(data).needs_decoder_check


@pytest.mark.parametrize(("name", "error"), [("text/plain", BadImage), ("application/pdf", UnsupportedType)])
def test_libmagic_has_a_say(name, error, monkeypatch):
    monkeypatch.setattr(images, "_libmagic", lambda start: name)

    with pytest.raises(error, match=name):
        inspect(samples.make("png"))


def test_pillow_has_a_say(monkeypatch):
    monkeypatch.setitem(images._HEADS, "PNG", lambda file, container: samples.make("png", 63, 48))
    with pytest.raises(BadImage, match="63 x 48"):
        inspect(samples.make("png"))

    monkeypatch.setitem(images._HEADS, "PNG", lambda file, container: b"not a PNG")
    with pytest.raises(BadImage, match="malformed"):
        inspect(samples.make("png"))


def test_many_threads_may_ask_at_once():
    data = {kind: samples.make(kind) for kind in samples.TYPES if kind != "heif"}
    kinds = list(data) * 40

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda kind: inspect(data[kind]).content_type, kinds))

    assert found == [samples.TYPES[kind] for kind in kinds]


def test_the_file_may_stand_anywhere_and_is_on_disk(tmp_path):
    path = tmp_path / "any name.html"
    path.write_bytes(samples.telling("jpeg"))
    with path.open("rb") as file:
        file.seek(0, 2)
        found = images.inspect(file, Bounds())

    assert (found.content_type, found.width, found.height) == ("image/jpeg", 48, 64)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_width_and_height_are_those_that_are_seen(orientation):
    found = inspect(samples.oriented(orientation))

    assert (found.width, found.height) == ((64, 48) if orientation < 5 else (48, 64))
