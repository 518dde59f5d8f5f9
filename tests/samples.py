"""Images made for the tests: of every kind, with everything in them that must go, broken, huge and hostile."""

import base64
import functools
import io
import random
import struct
import subprocess
import sys
import zlib
from typing import Any

from PIL import Image

from app.containers import exif as exif_block

SECRET = b"SERIAL-0815-SECRET"
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
    b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:exif='
    b'"http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="51,30.5N" exif:SerialNumber="' + SECRET + b'"/></rdf:RDF>'
    b'</x:xmpmeta><?xpacket end="w"?>'
)

TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "heif": "image/heic",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
}
KEPT = ("png", "jpeg", "gif", "webp", "avif")


@functools.cache
def picture(width: int = 64, height: int = 48, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Return a picture that is neither flat nor noise."""
    rough = Image.frombytes("RGB", (8, 8), random.Random(seed).randbytes(192))
    return rough.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def make(kind: str, width: int = 64, height: int = 48, *, mode: str = "RGB", seed: int = 1, **options: Any) -> bytes:
    """Return an image file of one kind (`png`, `jpeg`, …) as Pillow writes it."""
    image, file = picture(width, height, mode, seed), io.BytesIO()
    if kind == "heif":
        return _heif(width, height, seed, options.get("exif"))
    else:
        image.save(file, kind.upper(), **options)
    return file.getvalue()


@functools.cache
def _heif(width: int, height: int, seed: int, block: bytes | None) -> bytes:
    """Made in a process of its own: pillow-heif and Pillow's AVIF do not get on in one."""
    raw = base64.b64encode(picture(width, height, "RGB", seed).tobytes()).decode()
    script = (
        "import sys,base64,io,pillow_heif\n"
        "from PIL import Image\n"
        "w,h,e=int(sys.argv[1]),int(sys.argv[2]),base64.b64decode(sys.argv[3])\n"
        "i=Image.frombytes('RGB',(w,h),base64.b64decode(sys.stdin.read()))\n"
        "o=io.BytesIO(); pillow_heif.from_pillow(i).save(o,**({'exif':e} if e else {}))\n"
        "sys.stdout.buffer.write(o.getvalue())"
    )
    arguments = [sys.executable, "-c", script, str(width), str(height), base64.b64encode(block or b"").decode()]
    return subprocess.run(arguments, input=raw.encode(), capture_output=True, check=True).stdout


def animated(kind: str, frames: int = 4, **options: Any) -> bytes:
    """Return an animation: PNG, GIF, WebP or AVIF."""
    images, file = [picture(seed=seed) for seed in range(1, frames + 1)], io.BytesIO()
    options = {"duration": 70, **({"loop": 2} if kind != "avif" else {}), **options}
    images[0].save(file, kind.upper(), save_all=True, append_images=images[1:], **options)
    return file.getvalue()


@functools.cache
def exif(orientation: int = 6) -> bytes:
    """Return an EXIF block with a place, a serial number and a thumbnail."""
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "Bowerbird " + SECRET.decode()
    block[0x8769] = {0xA431: SECRET.decode(), 0x9003: "2026:11:23 12:00:00", 0x927C: SECRET * 20}
    block[0x8825] = {1: "N", 2: (51.0, 30.0, 26.0), 3: "W", 4: (0.0, 7.0, 39.0)}
    return _with_thumbnail(block.tobytes())


def _with_thumbnail(block: bytes) -> bytes:
    """Append the second directory, which Pillow does not write: a small JPEG with a comment."""
    tiff, small = bytearray(block[6:]), make("jpeg", 16, 12, comment=SECRET)
    order = {b"II": "<", b"MM": ">"}[bytes(tiff[:2])]
    first = struct.unpack_from(order + "I", tiff, 4)[0]
    count = struct.unpack_from(order + "H", tiff, first)[0]
    place = len(tiff) + len(tiff) % 2
    struct.pack_into(order + "I", tiff, first + 2 + 12 * count, place)
    second = struct.pack(order + "HHHIIHHIII", 2, 0x0201, 4, 1, place + 30, 0x0202, 4, 1, len(small), 0)
    return block[:6] + bytes(tiff).ljust(place, b"\0") + second + small


@functools.cache
def telling(kind: str, orientation: int = 6) -> bytes:
    """Return an image of one kind that tells all it can of its sender."""
    if kind == "png":
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_text("Comment", SECRET.decode())
        text.add_text("Long", SECRET.decode() * 9, zip=True)
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        return make(kind, pnginfo=text, exif=exif(orientation))
    if kind == "jpeg":
        whole = make(kind, exif=exif(orientation), xmp=XMP, comment=SECRET, quality=90)
        iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", 5 + len(SECRET))
        iptc += b"\x1c\x02\x78" + struct.pack(">H", len(SECRET)) + SECRET
        return whole[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + whole[2:]
    if kind == "gif":
        # XMP stands in a GIF as it is; the 257 bytes behind it lead whoever takes it for sub-blocks to its end.
        whole, behind = make(kind, comment=SECRET), b"\1" + bytes(range(255, -1, -1)) + b"\0"
        return whole[:-1] + b"!\xff\x0bXMP DataXMP" + XMP + behind + whole[-1:]
    if kind in ("webp", "avif"):
        return make(kind, exif=exif(orientation), xmp=XMP)
    return make(kind, exif=exif(orientation)) if kind != "bmp" else make(kind)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def mended(data: bytes) -> bytes:
    """Return a PNG with the right checksum behind each chunk, as far as its chunks can be told apart."""
    whole, position = bytearray(data), 8
    while position + 12 <= len(whole):
        end = position + 8 + struct.unpack_from(">I", whole, position)[0]
        if end + 4 > len(whole):
            break
        whole[end : end + 4] = struct.pack(">I", zlib.crc32(whole[position + 4 : end]))
        position = end + 4
    return bytes(whole)


def png_header(width: int, height: int) -> bytes:
    """Return the beginning of a PNG of any size."""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def huge() -> dict[str, bytes]:
    """Return small files that say they are huge."""
    jpeg, gif, webp = bytearray(make("jpeg")), bytearray(make("gif")), bytearray(make("webp", exif=exif()))
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = struct.pack(">HH", 65500, 65500)
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    webp[24:30] = b"\xff\xff\xff\xff\xff\xff"
    avif = bytearray(make("avif"))
    place = avif.index(b"ispe") + 8
    avif[place : place + 8] = struct.pack(">II", 17000, 17000)
    bmp = bytearray(make("bmp"))
    bmp[18:26] = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
    tiff = bytearray(make("tiff"))
    for entry in (256, 257):
        place = tiff.index(struct.pack("<HH", entry, 4 if struct.pack("<HH", entry, 4) in tiff else 3)) + 2
        tiff[place : place + 10] = struct.pack("<HII", 4, 1, 65500)
    tail = chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return {
        "png": png_header(20_000, 20_000) + tail,
        "png, the widest": png_header(2**31 - 1, 1) + tail,
        "jpeg": bytes(jpeg),
        "gif": bytes(gif),
        "webp": bytes(webp),
        "avif": bytes(avif),
        "bmp": bytes(bmp),
        "tiff": bytes(tiff),
    }


def many_scans(count: int = 20_000) -> bytes:
    """Return a progressive JPEG with far too many scans."""
    whole = make("jpeg", progressive=True)
    start = whole.rindex(b"\xff\xda")
    return whole[:start] + whole[start:-2] * count + b"\xff\xd9"


def many_frames(count: int) -> bytes:
    """Return a GIF with `count` frames of one pixel on a canvas of 10 x 10."""
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return b"GIF89a\x0a\0\x0a\0\x80\0\0" + b"\0" * 3 + b"\xff" * 3 + frame * count + b";"


def oriented(value: int) -> bytes:
    """Return a JPEG whose EXIF says nothing but its orientation."""
    return make("jpeg", exif=b"Exif\0\0" + exif_block.minimal(value))
