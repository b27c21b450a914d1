"""An easel to draw treasures on. Pure Pillow, and no letters, so that no font is needed.

Places on a picture are in thousandths of its side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter
from PIL.Image import Resampling

SIDE = 900  # pixels
_DRAWN = 2 * SIDE  # edges are smoothed by drawing larger

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Colours = tuple[str, str]  # above and below


class Easel:
    """A picture being drawn: a bright background, and on it shapes that are lit from above."""

    def __init__(self, background: Colours) -> None:
        self._canvas = _gradient((_DRAWN, _DRAWN), background)
        rays = Image.new("L", self._canvas.size)
        draw = ImageDraw.Draw(rays)
        for angle in range(0, 360, 20):
            draw.pieslice((-_DRAWN, -_DRAWN, 2 * _DRAWN, 2 * _DRAWN), angle, angle + 10, fill=26)
        glow = ImageChops.invert(Image.radial_gradient("L").resize(self._canvas.size))
        self._canvas.paste("white", mask=ImageChops.multiply(rays, glow))
        self._canvas.paste("white", mask=glow.point(lambda light: int(light * 0.35)))
        self.ellipse((230, 770, 770, 850), ("#00000055", "#00000055"), soft=14)

    def finished(self) -> Image.Image:
        """Return the picture in its size."""
        return self._canvas.resize((SIDE, SIDE), Resampling.LANCZOS)

    def ellipse(self, box: Box, colours: Colours, soft: float = 0) -> None:
        """Fill an ellipse; `soft` blurs its edge."""
        self._fill(lambda draw: draw.ellipse(_scaled(box), fill=255), colours, soft)

    def polygon(self, points: Sequence[Point], colours: Colours) -> None:
        """Fill a polygon."""
        self._fill(lambda draw: draw.polygon([_at(point) for point in points], fill=255), colours)

    def rectangle(self, box: Box, colours: Colours, radius: float = 0) -> None:
        """Fill a rectangle with round corners."""
        corner = radius * _DRAWN / 1000
        self._fill(lambda draw: draw.rounded_rectangle(_scaled(box), corner, fill=255), colours)

    def ring(self, box: Box, width: float, colours: Colours, start: float = 0, end: float = 360) -> None:
        """Fill a ring within a box, or the part of it between two angles (clockwise from the right)."""
        thick = int(width * _DRAWN / 1000)
        self._fill(lambda draw: draw.arc(_scaled(box), start, end, fill=255, width=thick), colours)

    def slice(self, box: Box, start: float, end: float, colours: Colours) -> None:
        """Fill a slice of an ellipse."""
        self._fill(lambda draw: draw.pieslice(_scaled(box), start, end, fill=255), colours)

    def line(self, points: Sequence[Point], width: float, colour: str) -> None:
        """Draw a line with round joints."""
        thick = int(width * _DRAWN / 1000)
        self._fill(
            lambda draw: draw.line([_at(point) for point in points], fill=255, width=thick, joint="curve"),
            (colour, colour),
        )

    def sparkle(self, x: float, y: float, size: float) -> None:
        """Draw a star of four points."""
        short = size / 7
        points = []
        for corner in range(8):
            reach = short if corner % 2 else size
            angle = corner * math.pi / 4
            points.append((x + reach * math.sin(angle), y - reach * math.cos(angle)))
        self.polygon(points, ("#ffffff", "#ffffff"))

    def _fill(self, shape: Callable[[ImageDraw.ImageDraw], None], colours: Colours, soft: float = 0) -> None:
        mask = Image.new("L", self._canvas.size)
        shape(ImageDraw.Draw(mask))
        if soft:
            mask = mask.filter(ImageFilter.GaussianBlur(soft * _DRAWN / 1000))
        box = mask.getbbox()
        if box is None:
            return
        opacity = ImageColor.getcolor(colours[0], "RGBA")
        mask = mask.crop(box)
        if isinstance(opacity, tuple) and opacity[3] < 255:
            mask = mask.point(lambda light: light * opacity[3] // 255)
        self._canvas.paste(_gradient(mask.size, colours), box[:2], mask)


def _gradient(size: tuple[int, int], colours: Colours) -> Image.Image:
    above, below = (ImageColor.getrgb(colour)[:3] for colour in colours)
    ramp = Image.linear_gradient("L").resize(size)
    bands = [
        ramp.point([high + (low - high) * level // 255 for level in range(256)])
        for high, low in zip(above, below, strict=True)
    ]
    return Image.merge("RGB", bands)


def _at(point: Point) -> Point:
    return point[0] * _DRAWN / 1000, point[1] * _DRAWN / 1000


def _scaled(box: Box) -> Box:
    return (*_at(box[:2]), *_at(box[2:]))
