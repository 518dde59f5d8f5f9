"""EXIF, as far as a picture needs it: its orientation is read, and written alone."""

import struct

ORIENTATION = 0x0112
_SHORT = 3


def orientation(tiff: bytes) -> int:
    """Return the orientation (1 to 8) of an EXIF block, from its TIFF header on; 1 if there is none to be found.

    Nothing a block may hold raises: it is the sender's, and may be anything.
    Source: CIPA DC-008 (EXIF 2.32), 4.6.

    >>> orientation(minimal(6)), orientation(b"II*"), orientation(b"")
    (6, 1, 1)
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for number in range(count):
            tag, kind, values, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * number)
            if tag == ORIENTATION:
                return value if kind == _SHORT and values == 1 and 1 <= value <= 8 else 1
    except struct.error:
        pass  # cut off: there is no orientation
    return 1


def minimal(value: int) -> bytes:
    """Return an EXIF block, from its TIFF header on, that holds the orientation `value` and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, ORIENTATION, _SHORT, 1, value, 0, 0)
