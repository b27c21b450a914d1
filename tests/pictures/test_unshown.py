"""A picture that no page shows yet is served only at signed addresses, and to operators."""

from urllib.parse import parse_qs, urlsplit

from support.client import Client, Someone, a_picture
from support.meanwhile import meanwhile
from support.purse import HOUR_MS, find
from support.reviews import CHECKED, settle

ENVIRONMENT = {**CHECKED, "OPS_TOKEN": "open sesame"}


def path_of(url: str) -> str:
    """Return a URL's path without its signature."""
    return urlsplit(url).path


def query_of(url: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}


async def answered(client: Client, url: str) -> tuple[int, str]:
    """Return a stranger's answer for a picture: the status, and how long it may be cached."""
    parts = urlsplit(url)
    answer = await client.http.get(f"{parts.path}?{parts.query}")
    return answer.status_code, answer.headers["Cache-Control"]


UNSHOWN = (200, "private, max-age=300")
SHOWN = (200, "public, max-age=3600")
NOT_FOUND = (404, "no-store")


async def an_upload(someone: Someone) -> list[str]:
    """Return the addresses of an upload and its thumbnail, as in the uploader's reply."""
    reply = await someone.upload(a_picture())
    return [reply["url"], reply["thumbnail"]]


async def test_an_upload_is_seen_by_its_signed_addresses_alone(client, context, alice):
    for url in await an_upload(alice):
        assert await answered(client, url) == UNSHOWN
        assert await answered(client, path_of(url)) == NOT_FOUND
        signed = query_of(url)
        lasts_ms = int(signed["until"]) * 1000 - context.clock.now_ms()
        assert HOUR_MS <= lasts_ms <= 2 * HOUR_MS
    other = query_of((await an_upload(alice))[0])
    path = path_of(url).replace("_t", "")
    now = context.clock.now_ms() // 1000
    for forged in (
        {**signed, "signature": other["signature"]},
        {**signed, "until": str(int(signed["until"]) + 1)},
        {**signed, "until": "9" * 50},
        {**signed, "until": "x"},
        {**signed, "signature": "签"},
        {"until": signed["until"]},
        {"signature": signed["signature"]},
        {"until": str(now), "signature": context.keys.sign_picture(path, now)},  # genuine, but expired
    ):
        answer = await client.http.get(path, params=forged, headers={"If-None-Match": "*"})
        assert answer.status_code == 404, forged
    same = await client.http.get(path, params=signed, headers={"If-None-Match": "*"})
    assert same.status_code == 304


async def test_until_it_is_shown_a_picture_is_signed_for_a_few(client, context, monkeypatch, alice, bob):
    asked = meanwhile(monkeypatch, context.wechat, "check_picture")
    url, thumbnail = await an_upload(alice)
    code = await alice.publish(url=url)
    [own] = (await alice.get("/getMyRelease"))["data"]
    page = await alice.get("/getTaskDetails", code=code)
    assert own["review"] == page["review"] == "checking"
    for seen in (url, thumbnail, own["pic"], own["thumbnail"], page["pic"], page["thumbnail"]):
        assert await answered(client, seen) == UNSHOWN
        assert await answered(client, path_of(seen)) == NOT_FOUND
    # The server keeps the page's bytes in memory, but signs the addresses in it anew before they expire.
    monkeypatch.setattr(context.clock, "now_ms", lambda now=context.clock.now_ms: now() + 3 * HOUR_MS)
    assert await answered(client, page["pic"]) == NOT_FOUND
    assert await answered(client, (await alice.get("/getTaskDetails", code=code))["pic"]) == UNSHOWN
    await settle(context)
    [(_, _, told)] = asked
    assert path_of(told) == path_of(url)
    signed = query_of(told)
    assert signed["signature"] == context.keys.sign_picture(path_of(told), int(signed["until"]))

    [card] = (await bob.get("/getTaskList"))["data"]
    assert [card["pic"], card["thumbnail"]] == [each.partition("?")[0] for each in (url, thumbnail)]
    for seen in (url, thumbnail, card["pic"], card["thumbnail"]):  # earlier addresses work, too
        assert await answered(client, seen) == SHOWN
        assert await answered(client, path_of(seen)) == SHOWN


async def test_a_face_is_shown_once_checked_and_stays_when_another_takes_its_place(client, context, alice):
    faces = [(await an_upload(alice))[0] for _ in range(2)]
    for face in faces:
        assert (await alice.post("/setProfile", wxheadpic=face))["review"] == "checking"
        assert await answered(client, path_of(face)) == NOT_FOUND
        await settle(context)
        assert await answered(client, path_of(face)) == SHOWN
    [person] = await find(context, "people", _id=alice.id)
    assert person["wxheadpic"] == path_of(faces[1])
    assert await answered(client, path_of(faces[0])) == SHOWN
