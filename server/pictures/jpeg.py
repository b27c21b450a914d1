"""A JPEG's scans, counted by its markers without decoding it."""

import re

from server.errors import NotAPicture

MOST_SEGMENTS = 5000  # a photo has a few dozen; each takes half a microsecond
_START_OF_IMAGE = 0xD8
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA

# A marker that libjpeg acts on. In a scan's data it skips FF 00, restart markers and what is below FF C0.
# The pattern has no repetition, so the search takes linear time on any bytes.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")


def count_scans(data: bytes, most: int) -> int:
    """Return the number of scans of the first picture in `data`; counting ends at `most` + 1.

    A progressive JPEG is decoded whole once per scan. Segments are skipped by their lengths, as libjpeg
    does, so an embedded thumbnail's scans do not count. Raises NotAPicture above MOST_SEGMENTS.
    """
    place = 0
    scans = 0
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
