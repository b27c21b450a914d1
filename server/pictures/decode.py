"""Turns an upload into a picture to store: checked by decoding, small, upright, without metadata.

Pure Pillow: no network, no store, no event loop. Decoding takes long and holds the interpreter, so the
server calls this in the processes of `process.py`.
"""

import io
import struct
import zlib
from typing import Literal

import msgspec
from PIL import Image, ImageCms
from PIL.Image import Resampling, Transpose

from server.errors import NotAPicture, PictureTooLarge
from server.pictures.jpeg import count_scans

JPEG = b"\xff\xd8"  # how a JPEG begins
MAX_PIXELS = 16_000_000
FULL_SIDE = 1600
MAX_BYTES = 10 * 1024 * 1024
MAX_WEBP_PIXELS = 8_000_000  # its decoder takes twice the memory of any other
MAX_SCANS = 20  # cameras and encoders write 10 to 15
THUMBNAIL_SIDE = 300
# Qualities of JPEGs, on a scale from 0 to 95. The best that fits is taken; if none fits, the picture is made
# smaller at the lowest quality. The square shows a dozen thumbnails at once, so they must be small.
FULL_QUALITIES = (85, 75, 60)
THUMBNAIL_QUALITIES = (70, 55, 40)
FULL_BYTES = 500_000
THUMBNAIL_BYTES = 30_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")

# Pillow warns about a picture with more pixels than this. It refuses one with more than twice as many, before
# it allocates memory. Our own check refuses all pictures that Pillow warns about.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS

# What Pillow's decoders raise on damaged data. 500,000 damaged pictures raised the first three; Pillow's
# source raises the others elsewhere.
_DAMAGED = (
    OSError, SyntaxError, ValueError,
    EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error,
)

_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


class Picture(msgspec.Struct, frozen=True):
    """A picture as it is stored. `width` and `height` are those of `full`, in pixels."""

    full: bytes
    thumbnail: bytes
    content_type: Literal["image/jpeg", "image/png"]
    width: int
    height: int

    @property
    def stored_bytes(self) -> int:
        """How many bytes of it are stored."""
        return len(self.full) + len(self.thumbnail)


def normalise(data: bytes) -> Picture:
    """Return an uploaded picture as it is stored: a PNG if something in it is transparent, else a JPEG.

    A picture that would be too large as a PNG is put on white, as a JPEG.

    Sizes and scans are checked before any pixel is decoded. Raises NotAPicture and PictureTooLarge.
    """
    if len(data) > MAX_BYTES:
        raise PictureTooLarge
    if data.startswith(JPEG) and count_scans(data, MAX_SCANS) > MAX_SCANS:
        raise PictureTooLarge(f"JPEG 的扫描次数太多，请另存为最多 {MAX_SCANS} 次扫描的普通 JPEG 再上传")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as source:
            _refuse_too_large(source)
            image = _decoded(source)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge from error
    except MemoryError as error:
        raise PictureTooLarge("处理这张图片需要太多内存，请缩小后再上传") from error
    except _DAMAGED as error:
        raise NotAPicture from error
    return encoded(image)


def _refuse_too_large(source: Image.Image) -> None:
    pixels = source.width * source.height
    if pixels > MAX_PIXELS:
        raise PictureTooLarge
    if source.format == "WEBP" and pixels > MAX_WEBP_PIXELS:
        raise PictureTooLarge("WebP 图片请缩小到 800 万像素以内，或另存为 JPEG 再上传")


def encoded(image: Image.Image) -> Picture:
    """Return the picture and its thumbnail, within FULL_BYTES and THUMBNAIL_BYTES.

    `image` is RGB or RGBA, and no side exceeds FULL_SIDE.
    """
    image.info = {}  # otherwise Pillow would write comments and profiles again
    thumbnail = image.resize(_fitting(image.size, THUMBNAIL_SIDE), Resampling.LANCZOS)
    if image.mode == "RGBA":
        small = _saved(thumbnail, "PNG")
        full = _saved(image, "PNG") if len(small) <= THUMBNAIL_BYTES else b""
        if full and len(full) <= FULL_BYTES:
            return Picture(full, small, "image/png", *image.size)
        image = on_white(image)
        thumbnail = on_white(thumbnail)
    size, full = _jpeg_within(image, FULL_QUALITIES, FULL_BYTES)
    _, small = _jpeg_within(thumbnail, THUMBNAIL_QUALITIES, THUMBNAIL_BYTES)
    return Picture(full, small, "image/jpeg", *size)


def _decoded(source: Image.Image) -> Image.Image:
    size = _fitting(source.size, FULL_SIDE)
    source.draft(None, size)  # a JPEG decodes straight to a half, a quarter or an eighth of its size
    source.load()
    orientation = _orientation_of(source)
    profile = source.info.get("icc_profile")
    image = _plain(source)
    if image is not source:
        source.close()  # its pixels may take 64 MB
    image = image.resize(size, Resampling.LANCZOS, reducing_gap=3.0)
    image = _in_srgb(image, profile)
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    return image


def _plain(image: Image.Image) -> Image.Image:
    """Return the image in RGB, RGBA or CMYK. It is copied only if necessary: a copy may take 200 MB."""
    if image.mode in ("RGBA", "CMYK") or (image.mode == "RGB" and not image.has_transparency_data):
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith("I"):  # 16 bits of grey: a plain conversion would clip, not scale, them
        return image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L").convert("RGB")
    return image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply the colour profile, because it is not kept: a phone's photo would lose its colours."""
    colours = image.convert("RGB") if image.mode == "RGBA" else image
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                colours, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            colours = converted or colours
        except (ImageCms.PyCMSError, OSError):  # an unsuitable or damaged profile: keep the colours
            pass
    colours = colours.convert("RGB")
    if image.mode == "RGBA":
        colours.putalpha(image.getchannel("A"))
    return colours


def _orientation_of(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _DAMAGED:  # only its metadata is damaged
        return 1


def _fitting(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def on_white(image: Image.Image) -> Image.Image:
    """Return a picture in RGB, with white where something in it is transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _jpeg_within(
    image: Image.Image, qualities: tuple[int, ...], most_bytes: int
) -> tuple[tuple[int, int], bytes]:
    """Return the best JPEG of at most this many bytes, and its size."""
    for quality in qualities:
        data = _saved(image, "JPEG", quality=quality, optimize=True)
        if len(data) <= most_bytes:
            return image.size, data
    while len(data) > most_bytes:
        # The bytes grow in proportion to the pixels, or a little more slowly.
        scale = 0.95 * (most_bytes / len(data)) ** 0.5
        image = image.resize(_fitting(image.size, int(max(image.size) * scale)), Resampling.LANCZOS)
        data = _saved(image, "JPEG", quality=qualities[-1], optimize=True)
    return image.size, data


def _saved(image: Image.Image, kind: Literal["JPEG", "PNG"], **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
