"""What runs in a decoder process: it gets files over a socket, decodes them, and says what came of it."""

import io
import json
import math
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, BinaryIO

from PIL import (
    BmpImagePlugin,  # noqa: F401 imported to be registered, as are the next three
    GifImagePlugin,  # noqa: F401
    Image,
    ImageCms,
    ImageFile,
    ImageOps,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from . import thumbnail
from .containers.base import VIDEO_TYPES

_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
    "image/heic": "HEIF",
    "image/tiff": "TIFF",
    "image/bmp": "BMP",
}
_PNG_MODES = frozenset({"1", "L", "LA", "I;16", "P", "RGB", "RGBA"})
_TO_PNG_MODES = {"CMYK": "RGB", "YCbCr": "RGB", "RGBX": "RGB", "PA": "RGBA", "RGBa": "RGBA", "La": "LA"}
_MIB = 1024 * 1024
_RESULT_BYTES = 512 * _MIB
_TEXT_BYTES = 64 * _MIB  # Pillow's 1 MiB refuses wide-gamut colour profiles; the memory is bounded here anyway
_OPEN_FILES = 32
_JPEG_QUALITY = 90
_VIDEO_SHARE = 1 / 3  # of a task's time: how long a poster is looked for, and how long frames are decoded behind it
_PNG_LEVEL = 2  # measured: a photo gets no larger than at zlib's own 6, in a quarter of the time


class _Unshowable(Exception):
    """A sound image, but none that the target format can show; the message is for the sender."""


def main(descriptor: int, memory_bytes: int) -> None:
    """Answer tasks until the other end of the socket is closed."""
    Image.MAX_IMAGE_PIXELS = None  # the bounds were checked, to the pixel
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _TEXT_BYTES
    _limit(memory_bytes)
    with socket.socket(fileno=descriptor) as channel:
        channel.setblocking(True)  # gevent, on the other side, made it otherwise
        _say(channel, {})
        while True:
            message, descriptors, _, _ = socket.recv_fds(channel, 4096, 4)
            if not message:
                return
            task = json.loads(message)
            source, *targets = [os.fdopen(number, "wb" if i else "rb") for i, number in enumerate(descriptors)]
            _limit_cpu(task["timeout_s"])
            answer = _answer(task, source, targets)
            for file in (source, *targets):
                file.close()
            _say(channel, answer)


def _limit(memory_bytes: int) -> None:
    """Bound what this process may take, on top of what the interpreter has mapped by now."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 pathlib would be loaded for this alone
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    for what, limit in (
        (resource.RLIMIT_AS, memory_bytes + mapped),
        (resource.RLIMIT_FSIZE, _RESULT_BYTES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing too much is then an error like others


def _limit_cpu(timeout_s: float) -> None:
    """End this process by itself soon after a task's time, should the server that ought to do so be gone."""
    used_s = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])  # in user and system mode
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used_s + timeout_s) + 1, hard))


def _answer(task: dict[str, Any], source: BinaryIO, targets: list[BinaryIO]) -> dict[str, Any]:
    try:
        return _watch(task, source, targets) if task["content_type"] in VIDEO_TYPES else _look(task, source, targets)
    except _Unshowable as e:
        return {"problem": str(e)}
    except MemoryError:
        return {"problem": "it needs too much memory"}
    # Decoders raise anything, and this process exists to hear it. The text may come from the file: only the name goes.
    except Exception as e:  # noqa: BLE001
        return {"problem": type(e).__name__}


def _look(task: dict[str, Any], source: BinaryIO, targets: list[BinaryIO]) -> dict[str, Any]:
    """Do a task with an image."""
    _load_plugin(task["content_type"])
    with Image.open(source, formats=[_FORMATS[task["content_type"]]]) as image:
        if not targets:
            return _verify(image)
        if task.get("is_thumbnail"):
            return _draw(image, source, targets[0])
        return _convert(image, targets[0], task["converts_to"])


def _load_plugin(content_type: str) -> None:
    """Make AVIF and HEIC known: never both in one process, since each brings its own build of the same libraries.

    One thread each, so that the memory they need does not depend on the number of cores.
    """
    if content_type == "image/avif":
        from PIL import AvifImagePlugin  # noqa: PLC0415

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    elif content_type == "image/heic":
        import pillow_heif  # noqa: PLC0415

        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def _watch(task: dict[str, Any], source: BinaryIO, targets: list[BinaryIO]) -> dict[str, Any]:
    """Do a task with a video."""
    from . import videos  # noqa: PLC0415 an extra, and one that brings its own build of many libraries

    content_type, budget_s = task["content_type"], task["timeout_s"] * _VIDEO_SHARE
    try:
        if not targets:
            videos.check(source, content_type)
            return {}
        if not task.get("is_thumbnail"):
            videos.remux(source, targets[0])
            return {"width": 0, "height": 0}  # as the walk of what was written finds them
        told = _drawn(thumbnail.draw(videos.poster(source, content_type, budget_s)), targets[0])
    except videos.BrokenVideo as e:
        raise _Unshowable(str(e)) from e
    damage = videos.damage(source, content_type, budget_s)
    return told | ({"damage": damage} if damage else {})


def _verify(image: Image.Image) -> dict[str, Any]:
    """Decode every frame; of a phone's photo (MPO) only the first, which is the picture."""
    frames = 1 if image.format in ("JPEG", "MPO") else getattr(image, "n_frames", 1)
    for number in range(frames):
        image.seek(number)
        image.load()
    return {}


def _draw(image: Image.Image, source: BinaryIO, target: BinaryIO) -> dict[str, Any]:
    """Draw the first frame; then decode all that is behind it, which is as good as the picture or makes it damaged."""
    is_animation = image.format not in ("JPEG", "MPO") and getattr(image, "n_frames", 1) > 1
    image.seek(0)
    told = _drawn(thumbnail.draw(image), target)
    if is_animation:
        source.seek(0)
        with Image.open(source, formats=[image.format or ""]) as again:
            try:
                _verify(again)
            except Exception as e:  # noqa: BLE001 as in _answer
                return told | {"damage": type(e).__name__}
    return told


def _drawn(drawn: thumbnail.Thumbnail, target: BinaryIO) -> dict[str, Any]:
    target.write(drawn.webp)
    target.flush()
    return {"width": drawn.width, "height": drawn.height, "blurhash": drawn.blurhash, "color": drawn.color}


def _convert(image: Image.Image, target: BinaryIO, converts_to: str) -> dict[str, Any]:
    ImageOps.exif_transpose(image, in_place=True)
    profile = image.info.get("icc_profile")
    image.info = {}  # Pillow's savers take comments and more from it; which, differs from version to version
    if converts_to == "image/jpeg":
        shown = _for_jpeg(image)
        shown.save(target, "JPEG", quality=_JPEG_QUALITY, subsampling=0, icc_profile=_fitting(profile, shown.mode))
    else:
        shown = _for_png(image, profile)
        shown.save(target, "PNG", compress_level=_PNG_LEVEL, icc_profile=_fitting(profile, shown.mode))
    target.flush()
    return {"width": shown.width, "height": shown.height}


def _for_jpeg(image: Image.Image) -> Image.Image:
    """Return the image in grey or RGB, on white where one could see through it."""
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(seen, mask=seen.getchannel("A"))
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _for_png(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the image in a mode that PNG has; raise _Unshowable for one that no picture is in."""
    if image.mode in _PNG_MODES:
        return image
    if image.mode == "I;16B":
        return Image.frombytes("I;16", image.size, image.tobytes(), "raw", "I;16B")
    if image.mode == "LAB":
        return _to_srgb(image, ImageCms.createProfile("LAB"))
    if image.mode == "CMYK" and profile:
        # A broken profile is as good as none.
        with suppress(OSError, ImageCms.PyCMSError):
            return _to_srgb(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    if mode := _TO_PNG_MODES.get(image.mode):
        return image.convert(mode)
    raise _Unshowable(f"its samples (mode {image.mode}) are measurements, not colours; save it with 8 or 16 bits")


def _to_srgb(image: Image.Image, profile: Any) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
    if converted is None:
        raise _Unshowable("its colours cannot be converted")
    return converted


def _fitting(profile: bytes | None, mode: str) -> bytes | None:
    """Return the colour profile if it is one for such samples. Source: ICC.1:2022, 7.2.6 (data colour space)."""
    space = b"GRAY" if mode in ("1", "L", "LA", "I;16") else b"RGB "
    return profile if profile and profile[16:20] == space else None


def _say(channel: socket.socket, answer: dict[str, Any]) -> None:
    channel.sendall(json.dumps(answer).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
