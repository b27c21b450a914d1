"""Pictures of all kinds, and comparisons of pictures."""

import io
import struct
import zlib

import qrcode
from PIL import Image, ImageChops, ImageStat

from server.pictures import poster
from server.pictures.poster import WIDTH, Poster

ADDRESS = "https://wabao.example.com/?code=Ab3dEf6hIj9kLm2nOp5q"


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def four_corners(width: int = 120, height: int = 80) -> Image.Image:
    """Return a picture that looks different in each orientation."""
    image = Image.new("RGB", (width, height), "white")
    for box, colour in (((0, 0), "red"), ((width // 2, 0), "lime"), ((0, height // 2), "blue")):
        image.paste(colour, (*box, box[0] + width // 2, box[1] + height // 2))
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean) / 3


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_header(width: int, height: int) -> bytes:
    """Return a PNG with nearly no data, whose header claims this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(b"\0")) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def with_scans(scans: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a progressive JPEG that repeats its last scan until it has this many scans."""
    data = encoded(Image.effect_noise(size, 60).convert("RGB"), "JPEG", progressive=True)
    assert data.count(b"\xff\xda") == 10
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * (scans - 10) + data[-2:]


def a_poster(**fields: str | bytes | bool) -> Poster:
    given_fields = {
        "name": "手工紫砂壶一把",
        "prize_line": "共 3 份，挖到就归你",
        "publisher": "小明",
        "commitment": "0123456789abcdef" * 4,
        "picture": encoded(four_corners(), "JPEG"),
        "address": ADDRESS,
        "sharer": "小红",
    }
    return Poster(**(given_fields | fields))  # type: ignore[arg-type]


def shown_code(drawn: Image.Image) -> Image.Image:
    """Return the part of a poster that is the QR code."""
    left = WIDTH - poster._MARGIN - poster._CODE_SIDE
    top = 1044
    side = poster._CODE_SIDE
    return drawn.crop((left, top, left + side, top + side))


def shows_code_of(drawn: Image.Image, address: str) -> bool:
    """Return whether the poster shows the address' QR code, module by module."""
    expected = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=2)
    expected.add_data(address)
    modules = expected.get_matrix()
    shown = shown_code(drawn).convert("L")
    scale = shown.width / len(modules)
    return all(
        (shown.getpixel((int((x + 0.5) * scale), int((y + 0.5) * scale))) < 128) == dark  # type: ignore[operator]
        for y, row in enumerate(modules)
        for x, dark in enumerate(row)
    )


def corner_colours(image: Image.Image) -> list[tuple[int, ...]]:
    """Return the colours of the four quarters, rounded so that JPEG's losses do not show."""
    rgb = image.convert("RGB")
    (width, height) = image.size
    points = [(x, y) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return [tuple(round(value / 255) * 255 for value in rgb.getpixel(point)) for point in points]  # type: ignore[union-attr]
