"""Avatars for the people who log in through the sandbox."""

import asyncio
import colorsys
import io

from PIL import Image, ImageDraw

from devtools.sandbox.base import SandboxHandler

SIDE = 132  # pixels, as WeChat's avatars
_CELL = 22


class Avatar(SandboxHandler):
    """GET /sandbox/avatar/….png: a pattern made from the name."""

    async def get(self, name: str) -> None:
        """Answer the PNG; the same name always gives the same picture."""
        picture = await asyncio.to_thread(_draw, name)
        self.set_header("Content-Type", "image/png")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(picture)


def _draw(name: str) -> bytes:
    picture = Image.new("RGB", (SIDE, SIDE), (240, 240, 240))
    _draw_pattern(ImageDraw.Draw(picture), name)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def _draw_pattern(draw: ImageDraw.ImageDraw, digest: str) -> None:
    """Draw 5 × 5 symmetric cells from 32 hexadecimal digits: 15 choose the cells, 4 others the hue."""
    hue = int(digest[16:20], 16) / 0x10000
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.45, 0.6))
    for place, digit in enumerate(digest[:15]):
        column, row = divmod(place, 5)
        if int(digit, 16) % 2:
            continue
        for x in {column, 4 - column}:
            left = _CELL // 2 + x * _CELL
            top = _CELL // 2 + row * _CELL
            draw.rectangle((left, top, left + _CELL - 1, top + _CELL - 1), fill=(red, green, blue))
