"""WebM, element by element; also as it is written while it is recorded, with sizes left unknown.

Whatever is not known to be needed to play it becomes a Void element of the same length.
Sources: RFC 9559 (Matroska), RFC 8794 (EBML), https://www.webmproject.org/docs/container/
"""

from typing import BinaryIO

from ..errors import BadImage, UnsupportedType
from .base import Bounds
from .ebml import VOID, Element, Elements, vint, void
from .inplace import InPlace
from .webm_tracks import Tracks, read_info, read_tracks, tidy

SIGNATURE = b"\x1a\x45\xdf\xa3"

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_DOC_TYPE, _HEADER = 0x4282, {0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4282, 0x4287, 0x4285}
_SEEK_HEAD, _INFO, _TRACKS, _CLUSTER, _CUES = 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B
_TAGS, _CHAPTERS, _ATTACHMENTS, _CRC = 0x1254C367, 0x1043A770, 0x1941A469, 0xBF
_TOP = {_SEEK_HEAD, _INFO, _TRACKS, _CLUSTER, _CUES, _TAGS, _CHAPTERS, _ATTACHMENTS, _CRC, VOID}
_SEEK, _SEEK_ID = 0x4DBB, 0x53AB
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _POSITION, _PREVIOUS = 0xE7, 0xA3, 0xA0, 0xA1, 0xA7, 0xAB
_IN_CLUSTER = {_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _POSITION, _PREVIOUS, _CRC, VOID, 0x5854, 0xAF}
_IN_GROUP = dict.fromkeys((_BLOCK, 0x9B, 0xFB, 0xFA, 0x75A2, 0xA4)) | {0x75A1: {0xA6: {0xEE: None, 0xA5: None}}}
_CUE = {0xB3: None, 0xB7: dict.fromkeys((0xF7, 0xF1, 0xF0, 0xB2, 0x5378, 0xEA))}
_HEADER_BYTES = 4096


def walk(file: BinaryIO, bounds: Bounds) -> InPlace:
    """Return the container of the WebM in `file`; raise BadImage if it is broken, UnsupportedType if browsers do not
    play what is in it, or if it has no picture."""
    source = Elements(file, bounds)
    found = InPlace("video/webm", 0, 0, source.size)
    segment = source.read(_header(source, found), source.size)
    if segment.id != _SEGMENT:
        raise BadImage("the WebM has no segment")
    walked = _Walk(source, bounds, found, segment)
    walked.segment()
    found.end = walked.end
    found.add(0, found.end)
    return found


def _header(source: Elements, found: InPlace) -> int:
    """Read the header and return where it ends."""
    header = source.read(0, source.size)
    if header.id != _EBML or header.end is None or header.end > _HEADER_BYTES:
        raise BadImage("the file does not begin like a WebM")
    kind = b""
    for child in source.children(header):
        if child.id == _DOC_TYPE:
            kind = source.contents(child).rstrip(b"\0")
        elif child.id not in _HEADER:
            void(found, child)
    if kind != b"webm":
        name = "".join(chr(letter) if 32 <= letter < 127 else "?" for letter in kind[:16])
        raise UnsupportedType(f"a file of the kind {name!r} is not taken; send WebM or MP4", "video/x-matroska")
    return header.end


class _Walk:
    """One walk through the segment; `end` is where the video ends in the file."""

    def __init__(self, source: Elements, bounds: Bounds, found: InPlace, segment: Element) -> None:
        self._source, self._bounds, self._found, self._segment = source, bounds, found, segment
        self.end = segment.end if segment.end is not None else source.size
        self._is_open = segment.end is None  # it goes on as long as its elements do
        self._tracks: Tracks | None = None
        self._has_info = False
        self._scale_ns, self._last = 1_000_000, 0
        self._frames = 0

    def segment(self) -> None:
        position = self._segment.body
        while position < self.end:
            if self._source.id_at(position) not in _TOP and self._is_open and self._tracks:
                break  # whatever stands here is no part of the video
            element = self._source.read(position, self.end)
            if element.id == _CLUSTER:
                position = self._cluster(element)
                continue
            if element.end is None:
                raise BadImage("an element of the file does not say where it ends")
            self._top(element)
            position = element.end
        self.end = position
        if not self._tracks or not self._frames:
            raise BadImage("the video holds no frame")
        self._bounds.check_duration(self._last * self._scale_ns / 1e9)

    def _top(self, element: Element) -> None:
        if element.id == _INFO:
            if self._has_info:
                raise BadImage("the file has two descriptions of itself")
            self._has_info = True
            self._scale_ns, duration = read_info(self._source, element, self._found)
            self._bounds.check_duration(duration * self._scale_ns / 1e9)
        elif element.id == _TRACKS:
            if self._tracks:
                raise BadImage("the file describes its tracks twice")
            self._tracks = read_tracks(self._source, element, self._found)
            self._bounds.check_pixels(self._found.width, self._found.height)
        elif element.id == _SEEK_HEAD:
            self._seek_head(element)
        elif element.id == _CUES:
            tidy(self._source, element, {0xBB: _CUE}, self._found)
        else:
            void(self._found, element)

    def _seek_head(self, element: Element) -> None:
        """Forget where the elements are that go."""
        for seek in self._source.children(element):
            ids = [child for child in self._source.children(seek) if child.id == _SEEK_ID] if seek.id == _SEEK else []
            if not ids or self._source.number(ids[0]) not in (_INFO, _TRACKS, _CUES, _CLUSTER, _SEEK_HEAD):
                void(self._found, seek)

    def _cluster(self, cluster: Element) -> int:
        """Read a cluster and return where it ends; one of unknown size ends where something else begins."""
        if not self._tracks:
            raise BadImage("the file has frames before it says what they are")
        position, time = cluster.body, 0
        end = cluster.end if cluster.end is not None else self.end
        while position < end:
            if cluster.end is None and self._source.id_at(position) not in _IN_CLUSTER:
                return position
            child = self._source.read(position, end)
            if child.end is None:
                raise BadImage("an element of the file does not say where it ends")
            if child.id == _TIMESTAMP:
                time = self._source.number(child)
            elif child.id == _SIMPLE_BLOCK:
                self._block(child, child, time)
            elif child.id == _BLOCK_GROUP:
                self._group(child, time)
            elif child.id not in (_POSITION, _PREVIOUS):
                void(self._found, child)
            position = child.end
        return position

    def _group(self, group: Element, time: int) -> None:
        blocks = [child for child in self._source.children(group) if child.id == _BLOCK]
        if len(blocks) != 1:
            raise BadImage("a group of blocks of the file has not just one block")
        if self._block(blocks[0], group, time):
            tidy(self._source, group, _IN_GROUP, self._found)

    def _block(self, block: Element, whole: Element, time: int) -> bool:
        """Count a block and return whether it stays: those of the tracks that go, go with them."""
        head = self._source.bytes_at(block.body, min(12, (block.end or 0) - block.body))
        track, length = vint(head)
        kinds = self._tracks.kinds if self._tracks else {}
        if track not in kinds or len(head) < length + 3:
            raise BadImage("a block of the file belongs to no track")
        if (is_picture := kinds[track]) is None:
            void(self._found, whole)
            return False
        self._frames += is_picture
        self._last = max(self._last, time + int.from_bytes(head[length : length + 2], "big", signed=True))
        return True
