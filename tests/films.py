"""Videos made for the tests: small ones of every kind, with everything in them that must go."""

import functools
import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from tests import samples

SECRET = samples.SECRET
PLACE = "+51.5074-000.1278/"
_FILES = {
    "mp4": ("mp4", "libx264", "aac", {}),
    "fragmented mp4": ("mp4", "libx264", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    "hevc mp4": ("mp4", "libx265", None, {}),
    "av1 mp4": ("mp4", "av1", "libopus", {}),
    "mov": ("mov", "libx264", "aac", {}),
    "webm": ("webm", "libvpx-vp9", "libopus", {}),
    "live webm": ("webm", "libvpx", "libopus", {"live": "1"}),
    "av1 webm": ("webm", "av1", None, {}),
    "mkv": ("matroska", "libx264", None, {}),
    "prores mov": ("mov", "prores_ks", None, {}),
    "pcm mov": ("mov", "libx264", "pcm_s16le", {}),
    "mpeg4 mp4": ("mp4", "mpeg4", None, {}),
    "ac3 mp4": ("mp4", "libx264", "ac3", {}),
}
KEPT = ("mp4", "fragmented mp4", "hevc mp4", "av1 mp4", "webm", "live webm", "av1 webm")
_QUIET = {"libx265": {"x265-params": "log-level=none"}}


@functools.cache
def make(kind: str = "mp4", *, frames: int = 10, width: int = 64, height: int = 48, dark: int = 0) -> bytes:
    """Return a video of one kind that tells all it can of its sender; its first `dark` frames are black."""
    container, coder, sound, options = _FILES[kind]
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options) as made:
        made.metadata.update(
            {"title": SECRET.decode(), "comment": SECRET.decode(), "location": PLACE, "artist": SECRET.decode()}
        )
        made.metadata["creation_time"] = "2026-11-23T12:00:00Z"
        pictures = [samples.picture(width, height, "RGB", number // 3 + 1) for number in range(frames)]
        pictures[:dark] = [picture.point(lambda _: 0) for picture in pictures[:dark]]
        drawn = _av1(pictures) if coder == "av1" else None
        if drawn:
            video = made.add_stream_from_template(drawn, opaque=True)
        else:
            video = made.add_stream(coder, rate=10, options=_QUIET.get(coder))
            video.width, video.height = width, height
            video.pix_fmt = "yuv422p10le" if coder == "prores_ks" else "yuv420p"
        video.metadata["handler_name"] = video.metadata["title"] = SECRET.decode()
        voice = made.add_stream(sound, rate=48_000) if sound else None
        for packet in drawn.container.demux(drawn) if drawn else _encoded(video, pictures):
            packet.stream = video
            made.mux([packet] if packet.size else [])
        if voice:
            _tone(made, voice)
    return file.getvalue()


def _encoded(video: Any, pictures: list[Any]) -> Iterator[Any]:
    for picture in pictures:
        yield from video.encode(av.VideoFrame.from_image(picture))
    yield from video.encode()


def _av1(pictures: list[Any]) -> Any:
    """Return the pictures as the stream of an animated AVIF, of which Pillow's libaom makes AV1.

    PyAV's own encoder of AV1, SVT-AV1, makes whoever calls it a real-time process where root does, and so all that
    is started later: the tests' servers would keep each other from running.
    """
    file = io.BytesIO()
    pictures[0].save(file, "AVIF", save_all=True, append_images=pictures[1:], duration=100, codec="aom")
    file.seek(0)
    return max(av.open(file).streams.video, key=lambda stream: stream.frames)


def _tone(made: Any, voice: Any) -> None:
    for number in range(10):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=1024)
        frame.sample_rate, frame.pts, frame.time_base = 48_000, number * 1024, Fraction(1, 48_000)
        for plane in frame.planes:
            plane.update(bytes(range(256)) * (plane.buffer_size // 256) + bytes(plane.buffer_size % 256))
        made.mux(voice.encode(frame))
    made.mux(voice.encode())


def packets(data: bytes) -> list[tuple[int, int | None, bytes]]:
    """Return every packet of the pictures and the sound: its stream, its moment, its bytes."""
    with av.open(io.BytesIO(data)) as file:
        return [
            (one.stream.index, one.pts, bytes(one)) for one in file.demux() if one.size and one.stream.type in _STREAMS
        ]


_STREAMS = ("video", "audio")


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box."""
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def inside(data: bytes, *path: bytes) -> int:
    """Return where the box begins that is found by going down `path`, one kind below the other."""
    position = 0
    for kind in path:
        position = data.index(kind, position) - 4
        position += 0 if kind == path[-1] else 8
    return position


def with_track(data: bytes, handler: bytes, kind: bytes = b"soun") -> bytes:
    """Return an MP4 whose sound (or picture: `vide`) is a track of another kind, as those that cameras write."""
    return data.replace(b"hdlr" + bytes(8) + kind, b"hdlr" + bytes(8) + handler)


def turned(data: bytes, quarter: int = 90) -> bytes:
    """Return an MP4 whose picture is to be turned clockwise."""
    one = 1 << 16
    a, b, c, d = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[quarter]
    position = data.index(b"tkhd") + 4 + 40
    return data[:position] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[position + 36 :]
