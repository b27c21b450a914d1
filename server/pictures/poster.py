"""What this server draws itself: share posters, and the default picture of a red packet.

Pure Pillow. The font comes with a package, because a fresh machine has no Chinese font. Characters that it
lacks (mostly emoji) are left out; otherwise they would show as empty boxes.
"""

from __future__ import annotations

import io
import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import as_file, files

import msgspec
import qrcode
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from PIL.Image import Resampling

from server.pictures.decode import Picture, encoded

WIDTH, HEIGHT = 750, 1334
COMMITMENT_DIGITS = 16

_SIMPLIFIED_CHINESE = 2  # the font file's faces: Japanese, Korean, simplified, traditional, Hong Kong
_REGULAR, _MEDIUM, _BOLD, _BLACK = 400, 500, 700, 900
_NO_CHARACTER = "\uffff"  # Unicode never assigns it, so fonts draw their empty box for it

_INK, _GREY, _PALE = "#2b1d14", "#8d7f76", "#f4ece4"
_RED, _DEEP_RED, _GOLD, _LIGHT_GOLD = "#d8372a", "#a81d1d", "#f6c667", "#ffe9b8"

_MARGIN = 40
_PICTURE_BOX = (_MARGIN, 150, WIDTH - _MARGIN, 750)
_CODE_SIDE = 236
_PIECE = re.compile(r"[0-9A-Za-z]+|.")
_NO_LINE_STARTS_WITH = "，。、！？；：）》】」』”’…,.!?;:)]}%"


class Poster(msgspec.Struct, frozen=True, tag=True):
    """What a share poster shows. `picture` is JPEG or PNG.

    `code` is the picture of a code to scan (JPEG or PNG). If it is empty, a QR code of `address` is drawn.
    """

    name: str
    prize_line: str
    publisher: str
    commitment: str
    picture: bytes
    address: str
    code: bytes = b""


def draw_poster(poster: Poster) -> Picture:
    """Return the poster, WIDTH × HEIGHT. Text that is too long for its place is cut."""
    canvas = _gradient((WIDTH, HEIGHT), "#e2452f", "#f0913c")
    draw = ImageDraw.Draw(canvas)
    _draw_rays(canvas)
    draw.text((_MARGIN + 4, 34), "挖宝", font=_font(64, _BLACK), fill="white")
    draw.text((_MARGIN + 156, 58), "一锹一层，看谁先挖到", font=_font(32, _MEDIUM), fill=_LIGHT_GOLD)
    card = Image.new("RGB", (WIDTH - 40, HEIGHT - 154), "white")
    _paste_rounded(canvas, card, (20, 130), 28)
    _paste_rounded(canvas, _framed(poster.picture, _size(_PICTURE_BOX)), _PICTURE_BOX[:2], 18)

    room, top = WIDTH - 2 * _MARGIN, 772
    bold = _font(44, _BOLD)
    for line in wrap(printable(poster.name) or "神秘宝贝", bold, room, lines=2):
        draw.text((_MARGIN, top), line, font=bold, fill=_INK)
        top += 60
    top += 10
    for line in wrap(printable(poster.prize_line), _font(34, _BOLD), room, lines=1):
        draw.text((_MARGIN, top), line, font=_font(34, _BOLD), fill=_RED)
    top += 54
    for line in wrap(f"{printable(poster.publisher) or '一位朋友'} 埋下", _font(28, _REGULAR), room, lines=1):
        draw.text((_MARGIN, top), line, font=_font(28, _REGULAR), fill=_GREY)

    for x in range(_MARGIN, WIDTH - _MARGIN, 16):
        draw.line((x, 1020, x + 8, 1020), fill="#e3d6c9", width=2)
    _draw_foot(canvas, draw, poster)
    return encoded(canvas)


def _draw_foot(canvas: Image.Image, draw: ImageDraw.ImageDraw, poster: Poster) -> None:
    code = _code(poster).resize((_CODE_SIDE, _CODE_SIDE), Resampling.LANCZOS)
    canvas.paste(code, (WIDTH - _MARGIN - _CODE_SIDE, 1044))
    draw.text((_MARGIN, 1052), "长按识别，一起来挖", font=_font(36, _BOLD), fill=_INK)
    draw.text((_MARGIN, 1108), "每次只能挖一层，冷却后再抢", font=_font(26, _REGULAR), fill=_GREY)
    _paste_rounded(canvas, Image.new("RGB", (400, 108), _PALE), (_MARGIN, 1172), 14)
    draw.text((_MARGIN + 20, 1182), "位置早已锁定，结束后可查验", font=_font(24, _MEDIUM), fill=_GREY)
    digits = poster.commitment[:COMMITMENT_DIGITS]
    spaced = " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))
    draw.text((_MARGIN + 20, 1222), spaced, font=_font(34, _MEDIUM), fill=_INK)


def draw_red_packet(money_yuan: int) -> Picture:
    """Return the picture of a red packet that pays `money_yuan` per prize."""
    side = 1600  # drawn at twice its size, for smooth edges
    canvas = _gradient((side, side), "#e8503a", "#c3261f")
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((-500, -1500, side + 500, 690), fill=_DEEP_RED)
    draw.ellipse((-500, -1524, side + 500, 660), fill="#ee5a41")
    draw.ellipse((590, 450, 1010, 870), fill="#e5a93c")
    draw.ellipse((606, 466, 994, 854), fill=_GOLD)
    draw.ellipse((636, 496, 964, 824), outline="#e5a93c", width=8)
    _draw_centred(draw, (800, 660), "挖", _font(190, _BLACK), "#b3311f")
    _draw_centred(draw, (800, 190), "现金红包", _font(130, _BOLD), _LIGHT_GOLD)
    amount, unit = _font(_amount_size(money_yuan), _BLACK), _font(120, _BOLD)
    width = amount.getlength(str(money_yuan)) + 30 + unit.getlength("元")
    left = 800 - width / 2
    draw.text((left, 1290), str(money_yuan), font=amount, fill=_GOLD, anchor="ls")
    draw.text((800 + width / 2, 1290), "元", font=unit, fill=_GOLD, anchor="rs")
    _draw_centred(draw, (800, 1430), "挖到就归你", _font(76, _MEDIUM), _LIGHT_GOLD)
    return encoded(canvas.resize((side // 2, side // 2), Resampling.LANCZOS))


def _amount_size(money_yuan: int) -> int:
    return min(360, 2050 // len(str(money_yuan)))


def wrap(text: str, font: ImageFont.FreeTypeFont, room: float, lines: int) -> list[str]:
    """Break `text` into at most `lines` lines no wider than `room` pixels. If it is cut, it ends in …

    Chinese breaks anywhere except before closing punctuation. A Latin word breaks only if it is wider than a
    line.
    """
    done: list[str] = []
    line = ""
    for piece in _pieces(text, font, room):
        if font.getlength((line + piece).rstrip()) <= room:
            line += piece
            continue
        done.append(line.rstrip())
        line = piece.lstrip()
    done.append(line.rstrip())
    done = [line for line in done if line]
    if len(done) <= lines:
        return done
    last = done[lines - 1]
    while last and font.getlength(last + "…") > room:
        last = last[:-1]
    return [*done[: lines - 1], last.rstrip() + "…"]


def _pieces(text: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    found: list[str] = []
    for piece in _PIECE.findall(text):
        if found and piece in _NO_LINE_STARTS_WITH and font.getlength(found[-1] + piece) <= room:
            found[-1] += piece
        elif font.getlength(piece) <= room:
            found.append(piece)
        else:
            found.extend(piece)
    return found


def printable(text: str) -> str:
    """Return `text` on one line, without the characters that the font cannot draw."""
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    return " ".join("".join(character for character in spaced if has_glyph(character)).split())


@lru_cache(maxsize=4096)
def has_glyph(character: str) -> bool:
    """Whether the font can draw this character: not as its empty box."""
    if character == " ":
        return True
    if unicodedata.category(character)[0] in "CZ":  # controls, joiners and the like are not drawn
        return False
    font = _font(32, _REGULAR)
    return bytes(font.getmask(character)) != bytes(font.getmask(_NO_CHARACTER))


@cache
def _font(size: int, weight: int) -> ImageFont.FreeTypeFont:
    with as_file(files("manimgx_fonts_cjk") / "NotoSansCJK-VF.otf.ttc") as path:
        font = ImageFont.truetype(path, size, index=_SIMPLIFIED_CHINESE, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([weight])
    return font


def _code(poster: Poster) -> Image.Image:
    if poster.code:
        with Image.open(io.BytesIO(poster.code), formats=("JPEG", "PNG")) as source:
            return _on_white(source)
    drawn = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=8, border=2)
    drawn.add_data(poster.address)
    return drawn.make_image().get_image().convert("RGB")


def _framed(picture: bytes, size: tuple[int, int]) -> Image.Image:
    """Return the whole picture fitted into `size`, on a blurred enlargement of itself."""
    with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as source:
        image = _on_white(source)
    small = ImageOps.fit(image, (size[0] // 10, size[1] // 10), Resampling.BOX)
    frame = small.filter(ImageFilter.GaussianBlur(4)).resize(size, Resampling.BICUBIC)
    inside = ImageOps.contain(image, size, Resampling.LANCZOS)
    frame.paste(inside, ((size[0] - inside.width) // 2, (size[1] - inside.height) // 2))
    return frame


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _paste_rounded(canvas: Image.Image, image: Image.Image, at: tuple[int, int], radius: int) -> None:
    mask = Image.new("L", (image.width * 2, image.height * 2))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * 2, fill=255)
    canvas.paste(image, at, mask.resize(image.size, Resampling.LANCZOS))


def _draw_rays(canvas: Image.Image) -> None:
    glow = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(glow)
    for angle in range(0, 360, 24):
        draw.pieslice((-900, -800, WIDTH + 900, 1850), angle, angle + 12, fill=18)
    canvas.paste("white", mask=glow)


def _draw_centred(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, font: ImageFont.FreeTypeFont, fill: str
) -> None:
    draw.text(at, text, font=font, fill=fill, anchor="mm")


def _gradient(size: tuple[int, int], top: str, bottom: str) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return ImageOps.colorize(ramp, top, bottom)


def _size(box: tuple[int, int, int, int]) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]
