"""What decoding an upload will cost, told by its first bytes. Pure: nothing is decoded.

A file may lie about its size, so the cost found here is binding: `decode.normalise` refuses a file with more
pixels.
"""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

from server.pictures.jpeg import find_frame

MAX_PIXELS = 16_000_000
FULL_SIDE = 1600
# A picture with at most this many decoded pixels takes little memory, whatever its format.
LIGHT_PIXELS = 6_000_000
LIGHT_UNSCALED_PIXELS = 2_000_000

JPEG = b"\xff\xd8"
_PNG = b"\x89PNG\r\n\x1a\n"


class Cost(NamedTuple):
    """What decoding a picture costs: the most `pixels` that it can have, and the `work` (in pixels).

    `halves` is the picture's part of the memory for large pictures: 0 for none, 1 for half of it, 2 for all
    of it.
    """

    pixels: int
    work: int
    halves: Literal[0, 1, 2]


def cost_of(data: bytes) -> Cost:
    """Return the cost of an upload. A file that does not say its size, such as a GIF, counts as the largest.

    The file's bytes count too, since bytes that hold no pixels also have to be read.
    """
    if data.startswith(JPEG):
        return _cost_of_jpeg(data)
    pixels = min(_pixels_of_png(data) or _pixels_of_webp(data) or MAX_PIXELS, MAX_PIXELS)
    return Cost(pixels, pixels + len(data), 0 if pixels <= LIGHT_UNSCALED_PIXELS else 2)


def _cost_of_jpeg(data: bytes) -> Cost:
    """Return a JPEG's cost. A sequential JPEG is decoded straight to a part of its size."""
    frame = find_frame(data)
    if frame is None:
        return Cost(MAX_PIXELS, MAX_PIXELS + len(data), 1)
    pixels = min(frame.width * frame.height, MAX_PIXELS)
    if not frame.sequential:
        return Cost(pixels, pixels + len(data), 1)
    scale = next(scale for scale in (8, 4, 2, 1) if scale == 1 or max(frame[:2]) >= scale * FULL_SIDE)
    decoded = pixels // scale**2
    return Cost(pixels, max(decoded, pixels // 4) + len(data), 0 if decoded <= LIGHT_PIXELS else 1)


def _pixels_of_png(data: bytes) -> int:
    """Return how many pixels a PNG says it has; 0 if it is no PNG."""
    if not data.startswith(_PNG) or data[12:16] != b"IHDR" or len(data) < 24:
        return 0
    width, height = struct.unpack_from(">II", data, 16)
    return int(width * height)


def _pixels_of_webp(data: bytes) -> int:
    """Return how many pixels a WebP says it has; 0 if it is no WebP.
    https://www.rfc-editor.org/rfc/rfc9649"""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return 0
    match data[12:16]:
        case b"VP8X":
            width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
        case _:
            return 0
    return width * height
