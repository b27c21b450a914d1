"""How uploaded pictures are normalised or refused."""

import os
import struct
import zlib
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin
from PIL.Image import Transpose

from server.errors import NotAPicture, PictureTooLarge
from server.pictures.decode import FULL_BYTES, MAX_BYTES, MAX_SCANS, THUMBNAIL_BYTES, normalise
from server.pictures.jpeg import MOST_SEGMENTS, count_scans
from support.pictures import corner_colours, encoded, four_corners, opened, png_chunk, png_header, with_scans


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_every_format_is_recognised_and_kept_as_jpeg(kind):
    picture = normalise(encoded(four_corners(), kind))
    assert picture.content_type == "image/jpeg"
    assert (picture.width, picture.height) == (120, 80)
    full = opened(picture.full)
    assert (full.format, full.size) == ("JPEG", (120, 80))
    assert corner_colours(full) == corner_colours(opened(picture.thumbnail)) == corner_colours(four_corners())


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_a_transparent_picture_stays_transparent_and_is_kept_as_png(kind):
    image = four_corners().convert("RGBA")
    image.paste((0, 0, 0, 0), (60, 40, 120, 80))
    picture = normalise(encoded(image, kind))
    assert picture.content_type == "image/png"
    for stored in (opened(picture.full), opened(picture.thumbnail)):
        assert (stored.format, stored.mode) == ("PNG", "RGBA")
        alpha = stored.getchannel("A")
        assert alpha.getpixel((stored.width - 5, stored.height - 5)) == 0
        assert alpha.getpixel((5, 5)) == 255


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Return random pixels, which compress worst."""
    return Image.frombytes(mode, (width, height), os.urandom(width * height * len(mode)))


@pytest.mark.parametrize(
    ("size", "mode"), [((1600, 1600), "RGBA"), ((1600, 30), "RGB"), ((3, 1600), "RGBA"), ((400, 300), "RGB")]
)
def test_what_is_stored_is_bounded_whatever_is_in_the_picture(size, mode):
    picture = normalise(encoded(noise(*size, mode), "WEBP", lossless=True, method=0))
    assert len(picture.full) <= FULL_BYTES == 500_000
    assert len(picture.thumbnail) <= THUMBNAIL_BYTES == 30_000
    full = opened(picture.full)
    thumbnail = opened(picture.thumbnail)
    assert (picture.width, picture.height) == full.size
    for stored in (full, thumbnail):
        scale = max(stored.size) / max(size)
        assert stored.size == pytest.approx([side * scale for side in size], abs=1.1)
    assert max(full.size) > 500 or full.size == size
    assert picture.stored_bytes == len(picture.full) + len(picture.thumbnail)


def test_a_small_picture_that_webp_keeps_in_few_bytes_does_not_become_a_large_png():
    clear = noise(200, 200, "RGBA").resize((1600, 1600))
    clear.paste((9, 9, 9, 0), (0, 0, 400, 400))
    data = encoded(clear, "WEBP", quality=5, method=0)
    picture = normalise(data)
    assert picture.content_type == "image/jpeg"
    assert len(picture.full) <= FULL_BYTES
    # Transparent pixels have become white, like a page.
    assert opened(picture.full).getpixel((9, 9)) == pytest.approx((255, 255, 255), abs=9)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "CMYK"])
def test_a_picture_without_transparency_is_kept_as_jpeg_whatever_its_mode(mode):
    grey = Image.new("RGB", (64, 64), (153, 153, 153))  # a colour that the palette of mode P has
    if mode == "I;16":
        image = Image.new("I;16", (64, 64), 153 << 8)
    elif mode == "1":
        image = Image.new("1", (64, 64), 1)
    else:
        image = grey.convert(mode)
    picture = normalise(encoded(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert picture.content_type == "image/jpeg"
    shown = 255 if mode == "1" else 153
    assert opened(picture.full).convert("L").getpixel((32, 32)) == pytest.approx(shown, abs=3)


def test_the_first_of_several_pictures_in_one_file_is_kept():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WEBP", "MPO"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert corner_colours(opened(normalise(data).full)) == [(255, 0, 0)] * 4


@pytest.mark.parametrize(
    ("size", "full", "thumbnail"),
    [
        ((4000, 3000), (1600, 1200), (300, 225)),
        ((3000, 4000), (1200, 1600), (225, 300)),
        ((1600, 1600), (1600, 1600), (300, 300)),
        ((200, 100), (200, 100), (200, 100)),
        ((1, 1), (1, 1), (1, 1)),
        ((20_000, 2), (1600, 1), (300, 1)),
    ],
)
def test_the_longest_side_is_1600_and_nothing_is_enlarged(size, full, thumbnail):
    picture = normalise(encoded(Image.new("RGB", size, "orange"), "JPEG"))
    assert opened(picture.full).size == (picture.width, picture.height) == full
    assert opened(picture.thumbnail).size == thumbnail


TURNED_BY_THE_CAMERA = {
    1: None,
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,  # turned by the camera; a viewer turns it back clockwise
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}


@pytest.mark.parametrize(("orientation", "kind"), [*zip(TURNED_BY_THE_CAMERA, cycle(("JPEG", "PNG")))])
def test_a_turned_photo_is_stored_upright(kind, orientation):
    turn = TURNED_BY_THE_CAMERA[orientation]
    taken = four_corners() if turn is None else four_corners().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = normalise(encoded(taken, kind, exif=exif))
    assert (picture.width, picture.height) == (120, 80)
    for stored in (picture.full, picture.thumbnail):
        assert corner_colours(opened(stored)) == corner_colours(four_corners())
        assert 0x0112 not in opened(stored).getexif()


def test_broken_exif_does_not_spoil_a_picture():
    data = encoded(four_corners(), "JPEG", exif=b"Exif\x00\x00MM\x00\xff\x00\x00\x00\x08" + b"\xff" * 40)
    assert corner_colours(opened(normalise(data).full)) == corner_colours(four_corners())


def test_no_metadata_is_kept():
    secret = b"31.2304N-121.4737E"
    exif = Image.Exif()
    exif[0x010E] = secret.decode()  # ImageDescription
    exif.get_ifd(0x8825)[0x001D] = secret.decode()  # GPSDateStamp, a text in the GPS directory
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", secret.decode())
    notes.add_itxt("XML:com.adobe.xmp", secret.decode())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    transparent = four_corners().convert("RGBA")
    transparent.putalpha(100)
    given_ones = [
        encoded(four_corners(), "JPEG", exif=exif, comment=secret, icc_profile=profile, xmp=secret),
        encoded(four_corners(), "PNG", exif=exif, pnginfo=notes, icc_profile=profile),
        encoded(transparent, "PNG", exif=exif, pnginfo=notes, icc_profile=profile),
        encoded(four_corners(), "WEBP", exif=exif, xmp=secret, icc_profile=profile),
        encoded(four_corners(), "GIF", comment=secret),
        encoded(four_corners(), "JPEG") + secret,
    ]
    for data in given_ones:
        assert secret in data
        picture = normalise(data)
        for stored in (picture.full, picture.thumbnail):
            assert secret not in stored
            assert set(opened(stored).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_colour_profile_is_applied_before_it_is_dropped():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")
    red = Image.new("RGB", (40, 40), "red")
    for data in (encoded(red, "JPEG", icc_profile=swapped), encoded(red, "PNG", icc_profile=swapped)):
        assert corner_colours(opened(normalise(data).full)) == [(0, 255, 0)] * 4
    half_clear = Image.new("RGBA", (40, 40), (255, 0, 0, 128))
    shown = opened(normalise(encoded(half_clear, "PNG", icc_profile=swapped)).full)
    assert shown.getpixel((20, 20)) == (0, 255, 0, 128)
    damaged = encoded(red, "PNG", icc_profile=b"no profile at all")
    assert corner_colours(opened(normalise(damaged).full)) == [(255, 0, 0)] * 4


# ---------------------------------------------------------------- refusals


def test_a_decompression_bomb_is_refused_by_its_header():
    for width, height in ((50_001, 1000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)):
        with pytest.raises(PictureTooLarge):
            normalise(png_header(width, height))
    with pytest.raises(NotAPicture):  # the header's size is allowed, but the data is missing
        normalise(png_header(100, 100))
    gif = encoded(Image.new("P", (8, 8)), "GIF")
    with pytest.raises(PictureTooLarge):
        normalise(gif[:6] + struct.pack("<HH", 65_535, 65_535) + gif[10:])


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # the processes ignore all warnings
def test_sixteen_megapixels_are_taken_and_one_row_more_is_not():
    assert normalise(encoded(Image.new("1", (4000, 4000)), "PNG")).width == 1600
    for size in ((4000, 4001), (10_000, 5000)):
        with pytest.raises(PictureTooLarge, match="1600 万像素"):
            normalise(encoded(Image.new("1", size), "PNG"))


def test_a_webp_is_refused_by_its_header_before_its_canvas_is_made():
    flat = encoded(Image.new("RGB", (4000, 4001)), "WEBP", lossless=True, method=0)
    bomb = b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + (16_382).to_bytes(3, "little") * 2 + bytes(8)
    for data in (flat, bomb):
        with pytest.raises(PictureTooLarge, match="1600 万像素"):
            normalise(data)


def test_a_webp_may_have_half_as_many_pixels_as_other_pictures():
    assert normalise(encoded(Image.new("RGB", (2500, 3200)), "WEBP", lossless=True, method=0)).height == 1600
    with pytest.raises(PictureTooLarge, match="800 万像素"):
        normalise(encoded(Image.new("RGB", (2500, 3201)), "WEBP", lossless=True, method=0))


def test_twenty_scans_are_taken_and_one_more_is_not():
    assert normalise(with_scans(20)).width == 64
    for scans in (21, 400):
        assert opened(with_scans(scans)).size == (64, 48)  # Pillow accepts it
        with pytest.raises(PictureTooLarge, match="最多 20 次扫描"):
            normalise(with_scans(scans))


def test_only_scans_that_a_decoder_finds_are_counted():
    plain = encoded(four_corners(), "JPEG")
    assert count_scans(plain, 20) == 1
    assert count_scans(with_scans(15), 20) == 15
    assert count_scans(with_scans(400), 20) == 21  # one more than allowed is enough
    thumbnail = b"\xff\xe1" + (2 + 1000).to_bytes(2) + b"\xff\xda\0\x02" * 250
    for head in (plain, with_scans(20)):
        within = head[:2] + thumbnail + head[2:]
        assert count_scans(within, MAX_SCANS) == count_scans(head, MAX_SCANS)
        assert normalise(within).full == normalise(head).full
    assert count_scans(plain + with_scans(400), 20) == 1  # bytes after the end belong to another picture
    for filling in (b"\xff", b"\xff\0", b"\xff\xd0", b"\0"):  # bytes between two segments have no meaning
        scan = plain.index(b"\xff\xda")
        filled = plain[:scan] + filling * 3 + plain[scan:]
        assert count_scans(filled, 20) == 1


def test_a_jpeg_with_more_segments_than_any_photo_has_is_refused():
    plain = encoded(four_corners(), "JPEG")
    empty = b"\xff\xe1\0\x02"
    assert normalise(plain[:2] + empty * 1000 + plain[2:]).width == 120
    with pytest.raises(NotAPicture):
        normalise(plain[:2] + empty * MOST_SEGMENTS + plain[2:])


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_metadata_that_decompresses_to_100_mb_is_refused(name):
    plain = encoded(four_corners(), "PNG")
    folded = zlib.compress(bytes(100 << 20))
    with pytest.raises(NotAPicture):
        normalise(plain[:33] + png_chunk(name, b"k\0\0" + folded) + plain[33:])


def test_ten_megabytes_are_taken_and_one_byte_more_is_not():
    data = encoded(four_corners(), "JPEG")
    assert normalise(data + bytes(MAX_BYTES - len(data))).width == 120
    with pytest.raises(PictureTooLarge):
        normalise(data + bytes(MAX_BYTES - len(data) + 1))


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"GIF89a", b"\xff\xd8\xff", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7"],
)
def test_data_that_is_no_picture_is_refused(data):
    with pytest.raises(NotAPicture):
        normalise(data)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM", "TGA", "EPS", "PDF", "AVIF", "JPEG2000"])
def test_other_formats_are_refused_though_pillow_knows_them(kind):
    with pytest.raises(NotAPicture):
        normalise(encoded(four_corners(), kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_truncated_picture_is_refused(kind):
    noise = Image.effect_noise((200, 200), 80).convert("RGB")
    data = encoded(noise, kind)
    for kept in (0.1, 0.5, 0.9):
        with pytest.raises(NotAPicture):
            normalise(data[: int(len(data) * kept)])


SOUND = [
    encoded(four_corners(), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08" + b"\x00" * 20),
    encoded(four_corners(), "JPEG", progressive=True),
    encoded(four_corners().convert("RGBA"), "PNG"),
    encoded(four_corners().convert("P"), "PNG", transparency=0),
    encoded(four_corners(), "WEBP"),
    encoded(four_corners(), "GIF"),
]


CHANGE = st.tuples(st.integers(0, 4000), st.integers(0, 4), st.binary(max_size=4))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(st.sampled_from(SOUND), st.lists(CHANGE, min_size=1, max_size=6))
def test_a_damaged_picture_is_shown_or_refused_and_raises_nothing_else(sound, damage):
    data = bytearray(sound)
    for place, lost, found in damage:
        start = place % (len(data) + 1)
        data[start : start + lost] = found
    try:
        picture = normalise(bytes(data))
    except (NotAPicture, PictureTooLarge):
        return
    assert max(opened(picture.full).size) <= 1600
