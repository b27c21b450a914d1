"""Pictures over HTTP: uploads, serving, and the posters that people share."""

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from PIL import Image

from server.actions.messages.send import PAGE
from server.actions.people import erase as forgetting
from server.actions.pictures import prize_line, until_when
from server.context import Context
from server.pictures.decode import MAX_BYTES
from server.settings import Settings
from server.wechat import WeChat
from support.client import Someone, a_picture
from support.meanwhile import meanwhile
from support.pictures import difference, encoded, opened, png_header, shown_code, shows_code_of, with_scans
from support.stored import stored_files


def path_of(url: str, settings: Settings) -> str:
    """Return a URL's path with its signature."""
    assert url.startswith(settings.public_url + "/files/")
    return url.removeprefix(settings.public_url)


ENVIRONMENT = {"PUBLIC_URL": "https://wabao.example.com"}


async def test_an_upload_is_served_with_its_thumbnail(client, settings, alice):
    reply = await alice.upload(a_picture(2000, 1000), name="../../etc/passwd")
    assert reply.keys() == {"status", "msg", "file_id", "url", "thumbnail"}
    assert isinstance(reply["file_id"], int)
    assert 0 < reply["file_id"] < 2**53
    name = urlsplit(reply["url"]).path.removeprefix("/files/")
    assert re.fullmatch(r"[0-9a-f]{32}\.jpg", name)  # 128 random bits
    assert (await alice.upload(a_picture(2000, 1000)))["url"] != reply["url"]
    full = await client.http.get(path_of(reply["url"], settings))
    thumbnail = await client.http.get(path_of(reply["thumbnail"], settings))
    assert opened(full.content).size == (1600, 800)
    assert opened(thumbnail.content).size == (300, 150)
    for response in (full, thumbnail):
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "image/jpeg"
        assert response.headers["Content-Length"] == str(len(response.content))
        assert response.headers["Cache-Control"] == "private, max-age=300"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_client_that_has_a_picture_gets_304(client, settings, alice):
    logo = Image.new("RGBA", (1500, 1500))
    logo.paste(Image.effect_noise((380, 380), 90), (0, 0))
    path = path_of((await alice.upload(encoded(logo, "PNG")))["url"], settings)
    full = await client.http.get(path)
    assert full.headers["Content-Type"] == "image/png"
    assert len(full.content) > 255 * 1024  # large enough to be stored and served in parts
    assert opened(full.content).size == (1500, 1500)
    etag = full.headers["ETag"]
    for asked in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        same = await client.http.get(path, headers={"If-None-Match": asked})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["ETag"] == etag
        assert same.headers["Cache-Control"] == "private, max-age=300"
    other = await client.http.get(path, headers={"If-None-Match": '"other"'})
    assert other.content == full.content
    head = await client.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == full.headers[name]


async def test_an_unknown_file_is_404_in_json(client):
    for name in (f"{'0' * 32}.jpg", f"{'0' * 32}.exe", "x", "x/y", "%00", "a" * 3000, "%F0%9F%98%80"):
        for method in ("GET", "HEAD"):
            response = await client.http.request(method, f"/files/{name}", headers={"If-None-Match": "*"})
            assert response.status_code == 404, name
            assert response.headers["Content-Type"].startswith("application/json")
            assert "immutable" not in response.headers.get("Cache-Control", "")
            if method == "GET":
                assert response.json()["error"] == "bad_request"


async def test_a_refused_upload_leaves_nothing_behind(client, context, alice):
    assert (await alice.upload(b"<svg/>"))["error"] == "not_a_picture"
    assert (await alice.upload(b""))["error"] == "not_a_picture"
    assert (await alice.upload(a_picture()[:400]))["error"] == "not_a_picture"
    assert (await alice.upload(png_header(100_000, 100_000)))["error"] == "picture_too_large"
    assert (await alice.upload(a_picture() + bytes(MAX_BYTES)))["error"] == "picture_too_large"
    reply = await alice.upload(with_scans(400))
    assert reply["error"] == "picture_too_large"
    assert "最多 20 次扫描" in reply["msg"]
    nobody = Someone(client, "nobody", "", {}, send_token=False)
    assert (await nobody.upload(a_picture()))["error"] == "not_logged_in"
    for body in ({"file": "picture"}, {}):
        reply = await alice.post("/uploadFile", **body)
        assert reply["error"] == "bad_request"
        assert reply["param"] == "file"
    assert await stored_files(context) == 0
    assert await context.store.files.chunks.count_documents({}) == 0
    assert not context.large_bodies


async def test_only_pictures_uploaded_here_can_be_published(alice):
    url = (await alice.upload(a_picture()))["url"]
    code = await alice.publish(url=url.replace("https://wabao.example.com", "http://another.name:8080"))
    details = await alice.get("/getTaskDetails", code=code)
    assert details["pic"] == url.partition("?")[0]
    poster_url = (await alice.post("/getSharePic", code=code))["pic"]
    thumbnail = url.replace(".jpg", "_t.jpg")
    foreign = f"https://example.com/files/{'0' * 32}.jpg"
    asked = {"goods_type": 2, "name": "猫", "prize_num": 1, "forecast_num": 3, "draw_type": 1}
    for address in (poster_url, thumbnail, foreign, "http://[", "/files/", "javascript:alert(1)"):
        reply = await alice.post("/postTask", url=address, **asked)
        assert reply["error"] == "bad_request", address
        assert reply["param"] == "url"


async def test_red_packets_of_one_amount_share_one_drawn_picture(client, settings, alice):
    asked = {"goods_type": 1, "name": "红包", "prize_num": 1, "forecast_num": 3, "is_public": 0}
    pictures = []
    for money in (20, 20, 30):
        code = (await alice.post("/postTask", money=money, **asked))["code"]
        pictures.append((await alice.get("/getTaskDetails", code=code))["pic"])
    assert pictures[0] == pictures[1] != pictures[2]
    drawn = await client.http.get(path_of(pictures[0], settings))
    assert opened(drawn.content).size == (800, 800)
    released = await alice.get("/getMyRelease")
    small = await client.http.get(path_of(released["data"][0]["thumbnail"], settings))
    assert opened(small.content).size == (300, 300)


# ---------------------------------------------------------------- posters


async def test_a_poster_is_drawn_once_a_person_with_their_share_token(client, context, settings, alice, bob):
    code = await alice.publish(name="紫砂壶 🎁")
    first = await bob.post("/getSharePic", code=code)
    assert first.keys() == {"status", "msg", "pic"}
    before = await stored_files(context)
    assert (await bob.post("/getSharePic", code=code))["pic"] == first["pic"]
    assert await stored_files(context) == before
    assert (await alice.post("/getSharePic", code=code))["pic"] != first["pic"]
    drawn = opened((await client.http.get(path_of(first["pic"], settings))).content)
    assert drawn.size == (750, 1334)
    share = (await bob.get("/getTaskDetails", code=code))["share"]
    assert shows_code_of(drawn, f"https://wabao.example.com/?code={share}")
    assert bob.id not in first["pic"]


async def test_a_poster_is_drawn_anew_after_an_end_or_for_a_new_face(context, monkeypatch, alice, bob, carol):
    code = await alice.publish(prize_num=1, forecast_num=1)

    async def poster() -> str:
        return str((await bob.post("/getSharePic", code=code))["pic"])

    drawn = [await poster()]
    await bob.post("/setProfile", wxname="小红")
    drawn.append(await poster())
    await bob.post("/setProfile", wxheadpic=(await bob.upload(a_picture()))["url"])
    drawn.append(await poster())
    await carol.dig(code)
    drawn.append(await poster())
    assert len(set(drawn)) == 4
    assert await poster() == drawn[-1]
    monkeypatch.setattr(forgetting, "UNDER_WAY_SECONDS", 0.0)
    await forgetting.erase(context.store, bob.id)
    query = {"metadata.made_for": {"$regex": f"^poster:{code}"}}
    assert await context.store.files.collection.count_documents(query) == 0


def test_a_posters_line_says_what_a_treasure_gives():
    lucky = {"split": 1, "fen": 5000}
    for ranks, money, number, said in (
        ([lucky], 0, 5, "拼手气红包，5 份一起分 50 元"),
        ([lucky, {"split": 0, "fen": 0}], 0, 6, "2 种奖品，共 6 份，挖到就归你"),
        ([{"split": 0, "fen": 0}], 0, 3, "共 3 份，挖到就归你"),
        ([], 2, 3, "现金红包 2 元 × 3 个"),
        ([], 0, 1, "仅此一份，挖到就归你"),
    ):
        task: Any = {"status": 0, "prize_num": number, "money": money} | ({"ranks": ranks} if ranks else {})
        assert prize_line(task) == said
        assert prize_line(task | {"status": 1}) == "已经结束，看看谁挖到了"


def test_a_poster_says_when_a_treasure_starts_and_from_then_on_when_it_ends():
    task: Any = {"status": 0, "now_depth": 0, "starts_at": 1000, "expires_at": 2000}
    assert [until_when(task, now_ms)[-2:] for now_ms in (999, 1000)] == ["开挖", "截止"]


async def test_a_poster_marks_a_signature_that_is_not_the_publishers_name(context, monkeypatch, alice, bob):
    drawn = meanwhile(monkeypatch, context.pictures, "poster")
    own = alice.data["nickName"]
    theirs = bob.data["nickName"]
    for wxname in (own, theirs):
        await bob.post("/getSharePic", code=await alice.publish(wxname=wxname))
    assert [poster.publisher for poster, _ in drawn] == [own, f"署名 {theirs}"]


def configured(context: Context, settings: Settings, base_url: str, page: str) -> WeChat:
    """Configure WeChat in the context's settings; return a client for a WeChat at `base_url`."""
    context.settings = msgspec.structs.replace(
        settings, wechat_appid=settings.appid, wechat_secret=settings.app_secret, wechat_page=page
    )
    assert not context.settings.sandboxed
    return WeChat(settings.appid, settings.app_secret, base_url, context.store.leases)


@pytest.mark.parametrize(
    ("place", "page"), [("nobody", PAGE), ("sandbox", "pages/unreleased/unreleased")], ids=["silent", "41030"]
)
async def test_the_poster_shows_wechats_code_and_the_pages_own_while_wechat_fails(
    client, context, settings, place, page, alice, code
):
    share = (await alice.get("/getTaskDetails", code=code))["share"]
    sandbox = context.wechat
    context.wechat = configured(context, settings, f"http://127.0.0.1:{settings.port}/{place}", page)
    failed = (await alice.post("/getSharePic", code=code))["pic"]
    await context.wechat.aclose()
    shown = opened((await client.http.get(path_of(failed, settings))).content)
    assert shows_code_of(shown, f"https://wabao.example.com/?code={share}")
    context.wechat = sandbox
    context.settings = msgspec.structs.replace(context.settings, wechat_page=PAGE)
    worked = (await alice.post("/getSharePic", code=code))["pic"]
    assert worked != failed
    assert (await alice.post("/getSharePic", code=code))["pic"] == worked
    shown = opened((await client.http.get(path_of(worked, settings))).content)
    assert not shows_code_of(shown, f"https://wabao.example.com/?code={share}")
    expected = opened(await sandbox.mini_program_code(share, PAGE))
    found = shown_code(shown)
    assert difference(expected.convert("RGB").resize(found.size), found) < 8


# ---------------------------------------------------------------- the store
