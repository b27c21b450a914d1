"""A JPEG's size and scans by its markers, without decoding it."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from server.errors import NotAPicture

MOST_SEGMENTS = 5000  # a photo has a few dozen; each takes half a microsecond
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN = 0xD8, 0xD9, 0xDA

# A marker that libjpeg acts on. In a scan's data it skips FF 00, restart markers and what is below FF C0.
# The pattern has no repetition, so the search takes linear time on any bytes.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")


def count_scans(data: bytes, most: int) -> int:
    """Return the number of scans of the first picture in `data`; counting ends at `most` + 1.

    A progressive JPEG is decoded whole once per scan. Segments are skipped by their lengths, as libjpeg
    does, so an embedded thumbnail's scans do not count. Raises NotAPicture above MOST_SEGMENTS.
    """
    place, scans = 0, 0
    for _ in range(MOST_SEGMENTS):
        found = _MARKER.search(data, place)
        if found is None:
            return scans
        place = found.end()
        marker = data[place - 1]
        if marker == _START_OF_IMAGE:
            continue
        if marker == _END_OF_IMAGE:
            return scans
        scans += marker == _START_OF_SCAN
        if scans > most:
            return scans
        place += max(2, int.from_bytes(data[place : place + 2]))
    raise NotAPicture


# A photo's headers are a dozen segments, and up to a few dozen more if its colour profile is long.
MOST_HEADERS = 300
# Start of frame: C0 to CF, without the tables C4 and CC and the reserved C8. The first two markers are of
# sequential JPEGs.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = (0xC0, 0xC1)


class Frame(NamedTuple):
    """What a JPEG's frame header says. A JPEG that is not `sequential` is kept whole while it is decoded."""

    width: int
    height: int
    sequential: bool


def find_frame(data: bytes) -> Frame | None:
    """Return what the first frame header says; None if the headers before it are not as encoders write them.

    Takes at most 0.2 ms: nothing is searched for.
    """
    place = 2
    for _ in range(MOST_HEADERS):
        if place + 9 > len(data) or data[place] != 0xFF or not 0xC0 <= data[place + 1] < 0xFF:
            return None
        marker = data[place + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return Frame(width, height, marker in _SEQUENTIAL)
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return None
