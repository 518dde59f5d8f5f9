"""What the tables, the header and the scans of a JPEG say, as far as a decoder would refuse it (ITU-T T.81, B.2)."""

import struct
from collections.abc import Iterator

from ..errors import BadImage

_DQT, _DHT, _DRI = 0xDB, 0xC4, 0xDD
_MAX_TABLES = 8  # in one segment: four of each class


def check_table(marker: int, data: bytes) -> None:
    """Raise BadImage if the quantization tables, Huffman tables or restart interval in a segment are malformed."""
    if marker == _DQT and not _are_sound(_quantization_tables(data)):
        raise BadImage("a quantization table of the JPEG is malformed")
    if marker == _DHT and not _are_sound(_huffman_tables(data)):
        raise BadImage("a Huffman table of the JPEG is malformed")
    if marker == _DRI and len(data) != 2:
        raise BadImage("the restart interval of the JPEG is malformed")


def header(data: bytes) -> tuple[int, int, frozenset[int]]:
    """Return the width, the height and the components of a frame header; raise BadImage if it is malformed.

    A height of 0, to be told after the first scan (DNL), is refused: no decoder of today takes it. Components of one
    number are told apart by their order, as decoders do it.
    """
    if len(data) >= 6:
        _, height, width, count = struct.unpack_from(">BHHB", data)
        ids, sampling, tables = data[6::3], data[7::3], data[8::3]
        is_sampled = all(1 <= byte >> 4 <= 4 and 1 <= byte & 15 <= 4 for byte in sampling)
        is_whole = 1 <= count <= 4 and len(data) == 6 + 3 * count
        if width and height and is_whole and is_sampled and max(tables) <= 3:
            return width, height, frozenset(ids)
    raise BadImage("the JPEG's header makes no sense")


def check_scan(data: bytes, components: frozenset[int]) -> None:
    """Raise BadImage if a scan's header is malformed or names a component that the frame has not."""
    count = data[0] if data else 0
    ids = data[1 : 1 + 2 * count : 2]
    is_whole = 1 <= count <= 4 and len(data) == 4 + 2 * count
    if not is_whole or not components.issuperset(ids):
        raise BadImage("the JPEG has a malformed scan, or one before its header")


def _are_sound(tables: Iterator[bool]) -> bool:
    """Whether all tables of a segment are, and there are no more than a decoder has places for."""
    return all(is_sound and count <= _MAX_TABLES for count, is_sound in enumerate(tables, 1))


def _quantization_tables(data: bytes) -> Iterator[bool]:
    position = 0
    while position < len(data):
        precision, number = data[position] >> 4, data[position] & 15
        position += 1 + (128 if precision else 64)
        yield precision <= 1 and number <= 3 and position <= len(data)


def _huffman_tables(data: bytes) -> Iterator[bool]:
    position = 0
    while position < len(data):
        kind, number = data[position] >> 4, data[position] & 15
        counts = data[position + 1 : position + 17]
        position += 17 + sum(counts)
        code, fits = 0, True  # the next free code of each length; that of ones alone is not to be used
        for length, count in enumerate(counts, 1):
            code = 2 * code + count
            fits = fits and (not count or code < 1 << length)
        yield fits and kind <= 1 and number <= 3 and position <= len(data)
