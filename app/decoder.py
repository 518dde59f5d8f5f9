"""What runs in a decoder process: it gets files over a socket, decodes them, and says what came of it."""

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from typing import Any, BinaryIO

from PIL import Image, ImageFile, ImageOps, PngImagePlugin

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
_RESULT_BYTES = 512 * 1024 * 1024
_CPU_S = 600  # over all images of one process: only a backstop
_PR_SET_PDEATHSIG = 1
_JPEG_QUALITY = 90


def main(descriptor: int, memory_bytes: int) -> None:
    """Answer tasks until the other end of the socket is closed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    Image.MAX_IMAGE_PIXELS = None  # the bounds were checked, to the pixel
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    PngImagePlugin.MAX_TEXT_CHUNK = 64 * 1024 * 1024  # a wide-gamut profile may have over 1 MiB
    Image.init()
    mapped = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: PTH123, SIM115
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes + mapped,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_RESULT_BYTES, _RESULT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing too much is then an error like others
    with socket.socket(fileno=descriptor) as channel:
        channel.setblocking(True)  # gevent, on the other side, made it otherwise
        _say(channel, {})
        while True:
            message, descriptors, _, _ = socket.recv_fds(channel, 4096, 4)
            if not message:
                return
            files = [os.fdopen(number, "r+b") for number in descriptors]
            task = json.loads(message)
            is_last = task["content_type"] == "image/heic"
            if is_last:
                _load_heif()
            try:
                _say(channel, _do(task, files) | {"is_last": is_last})
            finally:
                for file in files:
                    file.close()


def _load_heif() -> None:
    """Make HEIC known. This process is then good for nothing else: pillow-heif and Pillow's own AVIF bring different
    builds of the same libraries, and a process with both has crashed."""
    import pillow_heif  # noqa: PLC0415

    pillow_heif.register_heif_opener(thumbnails=False)


def _do(task: dict[str, Any], files: list[BinaryIO]) -> dict[str, Any]:
    try:
        files[0].seek(0)
        with Image.open(files[0], formats=[_FORMATS[task["content_type"]]]) as image:
            if task["task"] == "verify":
                return _verify(image)
            return _convert(image, files[1], task["converts_to"])
    except MemoryError:
        return {"problem": "it needs too much memory"}
    except Exception as e:  # noqa: BLE001 decoders raise anything, and this process exists to hear it
        return {"problem": type(e).__name__}


def _verify(image: Image.Image) -> dict[str, Any]:
    """Decode every frame; of a phone's photo (MPO) only the first, which is the picture."""
    frames = 1 if image.format in ("JPEG", "MPO") else getattr(image, "n_frames", 1)
    for number in range(frames):
        image.seek(number)
        image.load()
    return {}


def _convert(image: Image.Image, target: BinaryIO, converts_to: str) -> dict[str, Any]:
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if converts_to == "image/jpeg":
        shown = upright.convert("RGB")
        shown.save(target, "JPEG", quality=_JPEG_QUALITY, subsampling=0, icc_profile=profile, exif=b"")
    else:
        shown = _for_png(upright)
        if shown.mode not in ("RGB", "RGBA", "P") and shown.mode != upright.mode:
            profile = None
        clean = shown.copy()
        clean.info = {k: v for k, v in shown.info.items() if k in ("transparency", "gamma")}
        clean.save(target, "PNG", icc_profile=None if upright.mode == "CMYK" else profile, exif=b"")
    target.flush()
    return {"width": shown.width, "height": shown.height}


def _for_png(image: Image.Image) -> Image.Image:
    """Return the image in a mode that PNG has; raise ValueError for one that no picture is in."""
    if image.mode in ("1", "L", "LA", "I;16", "P", "RGB", "RGBA"):
        return image
    if image.mode in ("I;16B", "I;16L", "I;16N"):
        return image.convert("I;16")
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV", "RGBX"):
        return image.convert("RGB")
    if image.mode in ("PA", "RGBa", "La"):
        return image.convert("RGBA")
    raise ValueError(f"{image.mode} is no mode of a picture")


def _say(channel: socket.socket, answer: dict[str, Any]) -> None:
    channel.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
