"""How posters and red packets are drawn."""

import ast
import functools
import inspect
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from server.pictures import poster
from server.pictures.poster import HEIGHT, WIDTH, draw_poster, draw_red_packet, has_glyph, printable, wrap
from support.pictures import (
    a_poster,
    corner_colours,
    difference,
    encoded,
    four_corners,
    opened,
    shown_code,
    shows_code_of,
)

ADDRESS = "https://wabao.example.com/?code=Ab3dEf6hIj9kLm2nOp5q"


@functools.cache
def plain_poster() -> Image.Image:
    return opened(draw_poster(a_poster()).full)


def test_a_poster_is_a_portrait_that_shows_the_picture_and_the_code():
    drawn = plain_poster()
    assert drawn.size == (WIDTH, HEIGHT) == (750, 1334)
    assert shows_code_of(drawn, ADDRESS)
    assert not shows_code_of(drawn, ADDRESS.replace("Ab3d", "Ab4d"))
    left, top, right, bottom = poster._PICTURE_BOX
    assert corner_colours(drawn.crop((left, top + 80, right, bottom - 80))) == corner_colours(four_corners())


def test_a_given_code_is_shown_instead():
    code = four_corners(430, 430)
    drawn = opened(draw_poster(a_poster(code=encoded(code, "JPEG"))).full)
    assert corner_colours(shown_code(drawn)) == corner_colours(code)


def test_each_text_and_the_commitments_first_16_digits_are_on_the_poster():
    plain = plain_poster()
    for field, value, box in (
        ("name", "9876 换成别的字", (40, 770, 710, 870)),
        ("prize_line", "9876 换成别的字", (40, 860, 710, 950)),
        ("publisher", "9876 换成别的字", (40, 930, 710, 1015)),
        ("commitment", "9876 换成别的字", (60, 1215, 440, 1275)),
        ("sharer", "老王", (120, 1040, 440, 1084)),
        ("ended", True, (120, 1084, 440, 1128)),
        ("until", "北京时间 12月25日 20:00 截止", (120, 930, 710, 1015)),
    ):
        other = opened(draw_poster(a_poster(**{field: value})).full)
        assert difference(plain.crop(box), other.crop(box)) > 0.5, field
    same = opened(draw_poster(a_poster(commitment="0123456789abcdef" + "0" * 48)).full)
    assert difference(plain, same) == 0


HOSTILE_TEXTS = [
    "W" * 50,
    "挖" * 50,
    "😀" * 50,
    "👨‍👩‍👧‍👦🏳️‍🌈" * 5,
    "a\nb\tc\r\n\u2028d\u0000\u202e\u200b\ufeff",
    "ﷺ" * 50,
    "e\u0301\u0302\u0303" * 12,
    "，。！" * 16,
    "",
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_no_text_is_drawn_outside_its_box(text):
    plain = plain_poster()
    drawn = opened(draw_poster(a_poster(name=text, prize_line=text, publisher=text)).full)
    for untouched in (
        (0, 0, WIDTH, 760),  # some pixels away from the texts, since JPEG blurs within blocks of 16
        (0, 760, 30, HEIGHT),
        (722, 760, WIDTH, HEIGHT),
        (0, 1026, WIDTH, HEIGHT),
    ):
        assert difference(plain.crop(untouched), drawn.crop(untouched)) == 0


def test_everything_the_server_itself_writes_has_a_glyph():
    written = {
        character
        for node in ast.walk(ast.parse(inspect.getsource(poster)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for character in node.value
        if character > "\x7f" and character != poster._NO_CHARACTER
    }
    assert {"挖", "宝", "元"} <= written
    assert [character for character in written if not has_glyph(character)] == []


def test_chinese_is_drawn_as_itself_and_not_as_an_empty_box():
    font = poster._font(44, 700)
    drawn = {bytes(font.getmask(character)) for character in "挖宝红包锹层𠮷\uffff"}
    assert len(drawn) == 8  # eight empty boxes would be equal


def test_emoji_stay_and_characters_that_no_font_has_are_left_out():
    assert printable("紫砂壶🎁 Tea 😀\n两 件") == "紫砂壶🎁 Tea 😀 两 件"
    assert printable("e\u0301") == "é"
    assert printable("👍🏽❤\ufe0f") == "👍❤"
    assert printable("म") == ""
    plain, cheerful = (opened(draw_poster(a_poster(name=name)).full) for name in ("壶", "壶🎁"))
    box = (110, 770, 200, 860)  # beside the first character
    assert difference(plain.crop(box), cheerful.crop(box)) > 5


def test_a_poster_shows_the_face_of_who_shares_it():
    plain = plain_poster()
    face = encoded(Image.new("RGB", (300, 300), "lime"), "PNG")
    faced = opened(draw_poster(a_poster(face=face)).full)
    assert difference(plain.crop((40, 1046, 116, 1122)), faced.crop((40, 1046, 116, 1122))) > 50
    assert difference(plain.crop((300, 0, WIDTH, HEIGHT)), faced.crop((300, 0, WIDTH, HEIGHT))) == 0


FONT = poster._font(44, 700)
ROOM = 670.0


@given(st.text(max_size=60).map(printable))
def test_lines_fit_their_room_and_lose_nothing_if_there_are_enough(text):
    lines = wrap(text, FONT, ROOM, lines=100)
    assert all(FONT.getlength(line) <= ROOM for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for line in wrap(text, FONT, ROOM, lines=1):
        assert FONT.getlength(line) <= ROOM


def test_lines_break_as_readers_expect():
    assert wrap("挖到的人，得到一只 Handmade 茶壶", FONT, 44 * 5, 9) == [
        "挖到的人，", "得到一只 H", "andmade", "茶壶",
    ]  # fmt: skip
    assert wrap("一二三四五。六七八", FONT, 44 * 5, 9) == ["一二三四", "五。六七八"]
    assert wrap("一二三四五六七八九十", FONT, 44 * 5, 1) == ["一二三四…"]


def test_a_red_packet_says_what_it_pays():
    drawn = {money: opened(draw_red_packet(money).full) for money in (1, 20, 200, 99_999_999)}
    assert {image.size for image in drawn.values()} == {(800, 800)}
    numbers = [image.crop((0, 470, 800, 660)) for image in drawn.values()]
    assert all(difference(one, other) > 1 for one, other in itertools.pairwise(numbers))
    for image in (opened(draw_red_packet(0).full), drawn[200]):  # lists cut it to 4:3
        for top, bottom in ((0, 200), (700, 800)):
            edge = image.crop((0, top, 1, bottom)).resize((800, bottom - top))
            assert difference(image.crop((0, top, 800, bottom)), edge) < 0.5
    for image in drawn.values():  # even the longest number keeps its distance from the edge
        assert difference(image.crop((0, 470, 40, 660)), drawn[1].crop((0, 470, 40, 660))) < 0.1
