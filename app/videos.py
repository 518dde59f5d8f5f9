"""What PyAV does with a video: its poster, its check, and a QuickTime movie made an MP4; nothing is coded anew.

Used in a decoder process alone, as thumbnail.py is. Only the demuxer that fits is tried, and it opens no other file.
"""

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from PIL import Image

_DEMUXERS = {"video/mp4": "mov", "video/quicktime": "mov", "video/webm": "matroska"}
_MAX_PIXELS = 100_000_000  # of a frame, whatever the container says of it
_LOOKED_AT = 60  # frames: a recording is seldom black for longer than two seconds
_DARK = 20  # of 255: where nothing can be made out
_PICTURES = frozenset({"h264", "hevc", "av1", "vp8", "vp9"})
_SOUNDS = frozenset({"aac", "mp3", "opus", "vorbis"})
_TAGS = {"h264": "avc1", "hevc": "hvc1"}  # the names that Apple's players ask for


class BrokenVideo(Exception):
    """What cannot be shown of the video; the message says why, in words of ours."""


def check(file: BinaryIO, content_type: str) -> None:
    """Return if the first frame can be decoded. Raises BrokenVideo, or whatever PyAV does."""
    with _open(file, content_type) as source:
        next(_frames(source))


def poster(file: BinaryIO, content_type: str, budget_s: float) -> Image.Image:
    """Return the first frame in which there is something to be seen, upright, of the first two seconds or so, or of
    those that can be decoded in `budget_s` seconds.

    Raises BrokenVideo, or whatever PyAV does.
    """
    first, until = None, time.monotonic() + budget_s
    with _open(file, content_type) as source:
        for number, frame in enumerate(_frames(source)):
            image = _upright(frame, _picture(source).sample_aspect_ratio)
            first = first or image
            if max(high for _, high in image.resize((32, 32)).getextrema()) > _DARK:
                return image
            if number >= _LOOKED_AT or time.monotonic() > until:
                break
    if first is None:
        raise BrokenVideo("it has no frame")
    return first


def damage(file: BinaryIO, content_type: str, budget_s: float) -> str | None:
    """Decode frame after frame for `budget_s` seconds; return what cannot be decoded, if there is such a thing."""
    until = time.monotonic() + budget_s
    try:
        with _open(file, content_type) as source:
            for frame in _frames(source):
                if frame.is_corrupt:
                    return "CorruptFrame"
                if time.monotonic() > until:
                    return None
    except (av.FFmpegError, BrokenVideo) as e:
        return type(e).__name__
    return None


def remux(file: BinaryIO, target: BinaryIO) -> None:
    """Write the first picture and the first sound that browsers play of a QuickTime movie to `target` as an MP4, packet
    by packet. Raises BrokenVideo, or whatever PyAV does.
    """
    with _open(file, "video/quicktime") as source, av.open(target, "w", format="mp4") as result:
        streams: dict[int, Any] = {}
        for stream in (_picture(source), *_played(source.streams.audio, _SOUNDS)[:1]):
            made = result.add_stream_from_template(stream)
            if tag := _TAGS.get(stream.codec_context.codec.canonical_name):
                made.codec_context.codec_tag = tag
            streams[stream.index] = made
        for packet in source.demux([source.streams[index] for index in streams]):
            if packet.dts is not None:  # the last, empty ones
                packet.stream = streams[packet.stream.index]
                result.mux(packet)


def _open(file: BinaryIO, content_type: str) -> InputContainer:
    file.seek(0)
    # No protocol is there to open another file with, and samples in others are not followed.
    options = {"protocol_whitelist": "", "enable_drefs": "0"}
    if _DEMUXERS[content_type] != "mov":
        del options["enable_drefs"]
    return av.open(file, format=_DEMUXERS[content_type], options=options, buffer_size=256 * 1024)


def _frames(source: InputContainer) -> Iterator[av.VideoFrame]:
    """Yield the frames of the first picture. One thread: the memory needed does not depend on the number of cores."""
    stream = _picture(source)
    stream.codec_context.options = {"max_pixels": str(_MAX_PIXELS)}
    stream.codec_context.thread_count = 1
    is_empty = True
    for frame in source.decode(stream):
        is_empty = False
        yield frame
    if is_empty:
        raise BrokenVideo("it has no frame")


def _picture(source: InputContainer) -> av.VideoStream:
    """Return the stream that is seen."""
    found = _played(source.streams.video, _PICTURES)
    if not found:
        raise BrokenVideo("it has no picture")
    return found[0]


def _played(streams: Sequence[Any], codecs: frozenset[str]) -> list[Any]:
    """Return those streams that are coded so; of some PyAV knows no codec at all."""
    return [one for one in streams if one.codec_context and one.codec_context.codec.canonical_name in codecs]


def _upright(frame: av.VideoFrame, ratio: Fraction | None) -> Image.Image:
    """Return a frame as it is seen: its pixels made square, the camera's turn undone."""
    image = frame.to_image()
    if ratio and ratio != 1 and 0.1 < ratio < 10:
        image = image.resize((max(1, round(image.width * ratio)), image.height))
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image
