"""What this server draws itself: share posters, and the default picture of a red packet.

Pure Pillow. The fonts come with packages, because a fresh machine has none for Chinese and emoji. Characters
that they lack are left out; otherwise they would show as empty boxes.
"""

import io
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import as_file, files
from itertools import groupby
from pathlib import Path

import msgspec
import qrcode
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from PIL.Image import Resampling

from server.pictures.decode import Picture, encoded, on_white

WIDTH = 750
HEIGHT = 1334
COMMITMENT_DIGITS = 16

_CHINESE = "chinese"
_EMOJI = "emoji"
_EMOJI_SHARE = 0.82  # of the Chinese characters' size: then both are equally wide
_SIMPLIFIED_CHINESE = 2  # faces: Japanese, Korean, simplified, traditional, Hong Kong
_REGULAR = 400
_MEDIUM = 500
_BOLD = 700
_BLACK = 900
_NO_CHARACTER = "\uffff"  # never assigned in Unicode, so fonts draw their empty box for it

_STYLES = Path(__file__).parents[2] / "static" / "miniprogram" / "shared" / "palette.wxss"
# The colours of the pages: the first of each name is that of the light theme.
_COLOURS = dict(reversed(re.findall(r"--([\w-]+): (#\w{6});", _STYLES.read_text("utf-8"))))
_INK, _GREY, _PALE, _ACCENT = (_COLOURS[name] for name in ("ink", "soft", "paper", "accent"))
_GOLD, _GLOW, _SAND = (_COLOURS[name] for name in ("gold", "glow", "sand"))
_DEEP_RED = "#a81d1d"  # of red packets, which are as red as everywhere

_MARGIN = 40
_PICTURE_BOX = (_MARGIN, 150, WIDTH - _MARGIN, 750)
_CODE_SIDE = 236
_FACE_SIDE = 76
_TEXT_TOP = 768
_TEXT_BOTTOM = 1010
_FEATHER = 36  # how far a picture's edges fade into the frame
_SKINS = "".join(map(chr, range(0x1F3FB, 0x1F400)))
_PIECE = re.compile(r"[0-9A-Za-z]+|.")
_NO_LINE_STARTS_WITH = "，。、！？；：）》】」』”’…,.!?;:)]}%"


class Poster(msgspec.Struct, frozen=True):
    """What a share poster shows. Pictures are JPEG or PNG.

    `face` is the sharer's; if it is empty, a disc with the first character of their name is drawn. `until` is
    when the task starts or ends, "" if that is not known. `ended`: there is nothing to dig any more. `code`
    is the picture of a code to scan; if it is empty, a QR code of `address` is drawn.
    """

    name: str
    prize_line: str
    publisher: str
    commitment: str
    picture: bytes
    address: str
    sharer: str
    face: bytes = b""
    until: str = ""
    ended: bool = False
    code: bytes = b""


def draw_poster(poster: Poster) -> Picture:
    """Return the poster, WIDTH × HEIGHT. Text that is too long for its place is cut."""
    canvas = _gradient((WIDTH, HEIGHT), _ACCENT, _COLOURS["soil"])
    draw = ImageDraw.Draw(canvas)
    _draw_rays(canvas)
    draw.text((_MARGIN + 4, 34), "挖宝", font=_font(64, _BLACK), fill=_SAND)
    draw.text((_MARGIN + 156, 58), "一锹一层，看谁先挖到", font=_font(32, _MEDIUM), fill=_GLOW)
    card = Image.new("RGB", (WIDTH - 40, HEIGHT - 154), _COLOURS["panel"])
    _paste_rounded(canvas, card, (20, 130), 28)
    _paste_rounded(canvas, _framed(poster.picture, (WIDTH - 2 * _MARGIN, 600)), _PICTURE_BOX[:2], 18)

    _draw_texts(draw, poster)
    for x in range(_MARGIN, WIDTH - _MARGIN, 16):
        draw.line((x, 1020, x + 8, 1020), fill=_COLOURS["line"], width=2)
    _draw_foot(canvas, draw, poster)
    return encoded(canvas)


def _draw_texts(draw: ImageDraw.ImageDraw, poster: Poster) -> None:
    """Draw name, prize, publisher and end, with the room that they leave between them."""
    room = WIDTH - 2 * _MARGIN
    name = printable(poster.name) or "神秘宝贝"
    size = 60 if _Type(60, _BOLD).getlength(name) <= room else 44
    by = f"{printable(poster.publisher) or '一位朋友'} 埋下"
    until = f" · {poster.until}" if poster.until else ""
    small = _Type(28, _REGULAR)
    by = wrap(by, small, room - small.getlength(until), lines=1)[0]
    blocks = [
        (_Type(size, _BOLD), wrap(name, _Type(size, _BOLD), room, lines=2), _INK),
        (_Type(34, _BOLD), wrap(printable(poster.prize_line), _Type(34, _BOLD), room, lines=1), _ACCENT),
        (small, [by + until], _GREY),
    ]
    heights = [sum(round(1.36 * type_.size) for _ in lines) for type_, lines, _ in blocks]
    gap = (_TEXT_BOTTOM - _TEXT_TOP - sum(heights)) / (len(blocks) + 1)
    top = _TEXT_TOP + gap * 0.6  # characters have some room above them
    for (type_, lines, colour), height in zip(blocks, heights, strict=True):
        for number, line in enumerate(lines):
            type_.draw(draw, (_MARGIN, round(top) + number * round(1.36 * type_.size)), line, colour)
        top += height + gap


def _draw_foot(canvas: Image.Image, draw: ImageDraw.ImageDraw, poster: Poster) -> None:
    code = _code(poster).resize((_CODE_SIDE, _CODE_SIDE), Resampling.LANCZOS)
    canvas.paste(code, (WIDTH - _MARGIN - _CODE_SIDE, 1044))
    sharer = printable(poster.sharer) or "一位朋友"
    _paste_rounded(canvas, _face(poster.face, sharer), (_MARGIN, 1046), _FACE_SIDE // 2)
    left = _MARGIN + _FACE_SIDE + 14
    type_ = _Type(30, _BOLD)
    for line in wrap(sharer, type_, WIDTH - _MARGIN - _CODE_SIDE - 20 - left, lines=1):
        type_.draw(draw, (left, 1040), line, _INK)
    invitation = "邀你来看结果" if poster.ended else "邀你来挖"
    draw.text((left, 1082), invitation, font=_font(28, _MEDIUM), fill=_ACCENT)
    draw.text((_MARGIN, 1132), "长按识别二维码打开", font=_font(24, _REGULAR), fill=_GREY)
    _paste_rounded(canvas, Image.new("RGB", (400, 108), _PALE), (_MARGIN, 1172), 14)
    draw.text((_MARGIN + 20, 1182), "位置早已锁定，结束后可查验", font=_font(24, _MEDIUM), fill=_GREY)
    digits = poster.commitment[:COMMITMENT_DIGITS]
    spaced = " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))
    draw.text((_MARGIN + 20, 1222), spaced, font=_font(34, _MEDIUM), fill=_INK)


def draw_red_packet(money_yuan: int) -> Picture:
    """Return the picture of a red packet that pays `money_yuan` per prize; 0 draws words in its place.

    Lists cut it to 4:3, and lay a word over its upper left corner: no text is there.
    """
    side = 1600  # drawn at twice the size, for smooth edges
    canvas = _gradient((side, side), "#e8503a", "#c3261f")
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((-500, -1500, side + 500, 690), fill=_DEEP_RED)
    draw.ellipse((-500, -1524, side + 500, 660), fill="#ee5a41")
    draw.ellipse((590, 450, 1010, 870), fill="#e5a93c")
    draw.ellipse((606, 466, 994, 854), fill=_GOLD)
    draw.ellipse((636, 496, 964, 824), outline="#e5a93c", width=8)
    draw.text((800, 660), "挖", font=_font(190, _BLACK), fill="#b3311f", anchor="mm")
    if money_yuan:
        size = min(360, 2050 // len(str(money_yuan)))
        amount = _font(size, _BLACK)
        unit = _font(120, _BOLD)
        width = amount.getlength(str(money_yuan)) + 30 + unit.getlength("元")
        left = 800 - width / 2
        draw.text((left, 1240), str(money_yuan), font=amount, fill=_GOLD, anchor="ls")
        draw.text((800 + width / 2, 1240), "元", font=unit, fill=_GOLD, anchor="rs")
    else:
        draw.text((800, 1090), "现金红包", font=_font(130, _BOLD), fill=_GLOW, anchor="mm")
    draw.text((800, 1340), "挖到就归你", font=_font(76, _MEDIUM), fill=_GLOW, anchor="mm")
    return encoded(canvas.resize((side // 2, side // 2), Resampling.LANCZOS))


class _Type:
    """A size and weight of both fonts. Each character is drawn with the font that has it."""

    def __init__(self, size: int, weight: int) -> None:
        self.size = size
        self._fonts = {_CHINESE: _font(size, weight), _EMOJI: _emoji_font(round(size * _EMOJI_SHARE), weight)}

    def getlength(self, text: str) -> float:
        return sum(font.getlength(run) for font, run in self._runs(text))

    def draw(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, fill: str) -> None:
        """Draw a line whose top left corner is `at`."""
        left = at[0]
        baseline = at[1] + self._fonts[_CHINESE].getmetrics()[0]
        for font, run in self._runs(text):
            draw.text((left, baseline), run, font=font, fill=fill, anchor="ls")
            left += font.getlength(run)

    def _runs(self, text: str) -> Iterator[tuple[ImageFont.FreeTypeFont, str]]:
        for name, run in groupby(text, _font_of):
            yield self._fonts[name or _CHINESE], "".join(run)


def wrap(text: str, font: _Type | ImageFont.FreeTypeFont, room: float, lines: int) -> list[str]:
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


def _pieces(text: str, font: _Type | ImageFont.FreeTypeFont, room: float) -> list[str]:
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
    """Return `text` on one line, without the characters that no font can draw."""
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    return " ".join("".join(character for character in spaced if has_glyph(character)).split())


def has_glyph(character: str) -> bool:
    """Whether one of the fonts can draw this character, and not only as an empty box."""
    return _font_of(character) is not None


@lru_cache(maxsize=4096)
def _font_of(character: str) -> str | None:
    """Return the name of the font that draws this character, None if none does."""
    if character == " ":
        return _CHINESE
    if unicodedata.category(character)[0] in "CZ":  # controls, joiners and the like are not drawn
        return None
    if character in _SKINS:  # skin tones modify the emoji before, which our layout cannot draw
        return None
    for name, font in ((_CHINESE, _font(32, _REGULAR)), (_EMOJI, _emoji_font(32, _REGULAR))):
        if bytes(font.getmask(character)) not in (bytes(font.getmask(_NO_CHARACTER)), b""):
            return name
    return None


@cache
def _font(size: int, weight: int) -> ImageFont.FreeTypeFont:
    with as_file(files("manimgx_fonts_cjk") / "NotoSansCJK-VF.otf.ttc") as path:
        font = ImageFont.truetype(path, size, index=_SIMPLIFIED_CHINESE, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([weight])
    return font


@cache
def _emoji_font(size: int, weight: int) -> ImageFont.FreeTypeFont:
    with as_file(files("manimgx_fonts") / "NotoEmoji[wght].ttf") as path:
        font = ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([min(weight, _BOLD)])
    return font


def _face(picture: bytes, name: str) -> Image.Image:
    """Return a square with a person's picture, or with the first character of their name."""
    if picture:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as source:
            return ImageOps.fit(on_white(source), (_FACE_SIDE, _FACE_SIDE), Resampling.LANCZOS)
    face = Image.new("RGB", (_FACE_SIDE, _FACE_SIDE), _GOLD)
    type_ = _Type(40, _BOLD)
    left = (_FACE_SIDE - type_.getlength(name[0])) / 2
    type_.draw(ImageDraw.Draw(face), (left, 8), name[0], _DEEP_RED)
    return face


def _code(poster: Poster) -> Image.Image:
    if poster.code:
        with Image.open(io.BytesIO(poster.code), formats=("JPEG", "PNG")) as source:
            return on_white(source)
    drawn = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=8, border=2)
    drawn.add_data(poster.address)
    return drawn.make_image().get_image().convert("RGB")


def _framed(picture: bytes, size: tuple[int, int]) -> Image.Image:
    """Return the whole picture fitted into `size`, on a blurred enlargement of itself.

    It is cut by a few pixels rather than leaving a narrow strip, and fades into wider strips.
    """
    with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as source:
        image = on_white(source)
    small = ImageOps.fit(image, (size[0] // 10, size[1] // 10), Resampling.BOX)
    frame = small.filter(ImageFilter.GaussianBlur(4)).resize(size, Resampling.BICUBIC)
    inside = ImageOps.contain(image, size, Resampling.LANCZOS)
    left = (size[0] - inside.width) // 2
    top = (size[1] - inside.height) // 2
    if max(left, top) < _FEATHER:
        return ImageOps.fit(image, size, Resampling.LANCZOS)
    frame.paste(inside, (left, top), _fading(inside.size, left > 0, top > 0))
    return frame


def _fading(size: tuple[int, int], across: bool, down: bool) -> Image.Image:
    """Return a mask that fades towards the left and right edges, or the upper and lower ones."""
    inset = (_FEATHER if across else 0, _FEATHER if down else 0)
    mask = Image.new("L", size)
    mask.paste(255, (inset[0] // 2, inset[1] // 2, size[0] - inset[0] // 2, size[1] - inset[1] // 2))
    # Blurred only in the direction of the fading: the other edges touch the frame.
    return mask.filter(ImageFilter.BoxBlur((inset[0] / 2, inset[1] / 2)))


def _paste_rounded(canvas: Image.Image, image: Image.Image, at: tuple[int, int], radius: int) -> None:
    mask = Image.new("L", (image.width * 2, image.height * 2))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * 2, fill=255)
    canvas.paste(image, at, mask.resize(image.size, Resampling.LANCZOS))


def _draw_rays(canvas: Image.Image) -> None:
    glow = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(glow)
    for angle in range(0, 360, 24):
        draw.pieslice((-900, -800, WIDTH + 900, 1850), angle, angle + 12, fill=18)
    canvas.paste(_GOLD, mask=glow)


def _gradient(size: tuple[int, int], top: str, bottom: str) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return ImageOps.colorize(ramp, top, bottom)
