"""Drawings of treasures, for the pictures of pages."""

import io
from collections.abc import Callable

from PIL import Image, ImageDraw


def draw(thing: Callable[[ImageDraw.ImageDraw], None], size: tuple[int, int] = (960, 720)) -> bytes:
    """Return a JPEG of what `thing` draws."""
    canvas = Image.new("RGB", size)
    pen = ImageDraw.Draw(canvas)
    thing(pen)
    file = io.BytesIO()
    canvas.save(file, "JPEG", quality=88)
    return file.getvalue()


def oranges(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((0, 0, 960, 720), fill="#f3dfb9")
    pen.rectangle((0, 470, 960, 720), fill="#b98a55")
    for x, y, radius in ((300, 430, 150), (640, 430, 150), (470, 300, 140)):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill="#e8862a")
        pen.ellipse((x - radius * 0.6, y - radius * 0.7, x - radius * 0.1, y - radius * 0.2), fill="#f4a34d")
        pen.ellipse((x, y - radius - 26, x + 100, y - radius + 22), fill="#5b8a3c")
    pen.rectangle((110, 520, 850, 690), fill="#8a5a2b")
    for x in range(110, 850, 148):
        pen.line((x, 520, x, 690), fill="#6e4520", width=8)
