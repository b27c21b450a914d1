"""Only data that nobody needs is deleted, and in time; a process may die between any two of the writes."""

from __future__ import annotations

from urllib.parse import urlsplit

from server.actions.digging.end_task import settle_task
from server.actions.people.erase import erase
from server.actions.pictures import pictures_of
from server.actions.tidy import OVER_DAYS, tidy
from server.context import Context
from server.game.amounts import DAY_MS
from server.game.task import AHEAD_DAYS
from server.store.files import MADE_MS, SUPERSEDED_MS, UNUSED_MS
from server.store.reviews.reports import Report
from support.client import Client, Someone, a_picture
from support.kills import Written
from support.purse import all_documents, put_back

ENVIRONMENT = {"CLAIM_DAYS": "10", "TASK_DAYS": "5"}


async def let_files_age(context: Context, milliseconds: int) -> None:
    await context.store.files.rows.update_many(
        {"metadata.delete_at": {"$exists": True}}, {"$inc": {"metadata.delete_at": -milliseconds}}
    )


async def stored(context: Context) -> tuple[set[str], set[str]]:
    """Return the names of the files with a record, and of those with bytes."""
    files = context.store.files
    return set(await files.rows.distinct("_id")), set(await files.chunks.distinct("files_id"))


async def served(client: Client, *addresses: str) -> list[int]:
    """Return the HTTP status of each picture; assert that a served picture is whole."""
    found = [await client.http.get(address[address.index("/files/") :]) for address in addresses]
    assert all(len(one.content) == int(one.headers["Content-Length"]) for one in found)
    return [one.status_code for one in found]


def name_of(address: str) -> str:
    """Return the name of the file at an address."""
    return urlsplit(address).path.rpartition("/")[2]


async def uploaded(person: Someone) -> list[str]:
    """Upload a picture; return its address and its thumbnail's."""
    reply = await person.upload(a_picture())
    return [reply["url"], reply["thumbnail"]]


async def test_an_upload_that_nothing_uses_goes_after_a_day(client, context, alice):
    unused = await uploaded(alice)
    await let_files_age(context, UNUSED_MS - 60_000)
    await tidy(context)
    assert await served(client, *unused) == [200, 200]
    await let_files_age(context, 60_000)
    await tidy(context)
    assert await served(client, *unused) == [404, 404]
    assert await stored(context) == (set(), set())
    refused = await alice.post("/setProfile", wxheadpic=unused[0])
    assert refused["error"] == "bad_request"


async def test_a_picture_that_a_task_or_a_person_uses_or_used_stays(client, context, alice):
    pictures = [await uploaded(alice) for _ in range(3)]
    await alice.publish(url=pictures[0][0])
    for face in (pictures[1][0], pictures[2][0]):  # an earlier dig may show the first
        assert (await alice.post("/setProfile", wxheadpic=face))["status"] == 0
    for _ in range(3):
        # A task that was never saved must not cause its deletion.
        assert await context.store.files.take(pictures[1][0], None, context.clock.now_ms()) is not None
        await let_files_age(context, 100 * DAY_MS)
        await tidy(context)
        for both in pictures:
            assert await served(client, *both) == [200, 200]
    assert await context.store.files.rows.find_one({"metadata.delete_at": {"$exists": True}}) is None


async def test_an_upload_whose_task_was_never_saved_goes_a_day_later(client, context, alice):
    unused = await uploaded(alice)
    await let_files_age(context, UNUSED_MS)
    assert await context.store.files.take(unused[0], None, context.clock.now_ms()) is not None
    await tidy(context)
    assert (await served(client, *unused))[0] == 200
    await let_files_age(context, UNUSED_MS)
    await tidy(context)
    assert await served(client, *unused) == [404, 404]


async def test_a_publish_and_a_tidying_at_once_never_leave_a_task_without_its_picture(client, context, alice):
    files, now_ms = context.store.files, context.clock.now_ms()
    first, second = await uploaded(alice), await uploaded(alice)
    names = [name_of(address) for address in (first[0], second[0])]
    await let_files_age(context, UNUSED_MS)
    await alice.publish(url=first[0])  # between the tidying's look and its deletion of the picture
    assert await files.drop(names, now_ms + 60_000) == [names[1]]
    refused = await alice.post(
        "/postTask", goods_type=2, draw_type=1, name="宝贝", prize_num=1, forecast_num=5, url=second[0]
    )
    assert (refused["error"], refused["param"]) == ("bad_request", "url")
    assert await served(client, first[0], second[0]) == [200, 404]


async def test_the_picture_of_a_task_that_was_never_paid_goes_with_it(client, context, alice):
    own, default = await uploaded(alice), await alice.publish_packet()
    code = await alice.publish_packet(url=own[0])
    await let_files_age(context, UNUSED_MS)
    await tidy(context)
    assert await served(client, *own) == [200, 200]
    for each in (code, default):
        await context.store.tasks.collection.update_one({"_id": each}, {"$set": {"created_at": 1}})
        task = await context.store.tasks.get(each)
        await settle_task(context, task)
        assert await context.store.tasks.find(each) is None
        await let_files_age(context, UNUSED_MS)
        await tidy(context)
    assert await served(client, *own) == [404, 404]
    assert len((await stored(context))[0]) == 2  # the drawn one, for other red packets of this amount
    assert await served(client, f"/files/{(await stored(context))[0].pop()}") == [200]


async def test_a_poster_goes_a_month_after_it_was_last_asked_for(client, context, alice):
    code = await alice.publish()
    await tidy(context)

    async def poster() -> str:
        return str((await alice.post("/getSharePic", code=code))["pic"])

    first = await poster()
    for _ in range(3):
        await let_files_age(context, MADE_MS - DAY_MS)
        await tidy(context)
        assert await poster() == first
    await let_files_age(context, MADE_MS)
    await tidy(context)
    assert await served(client, first) == [404]
    assert await served(client, await poster()) == [200]


async def test_posters_do_not_pile_up_with_each_change_of_a_name(client, context, alice, bob):
    code = await alice.publish()
    posters = [str((await bob.post("/getSharePic", code=code))["pic"])]
    for name in ("一", "二", "三"):
        assert (await alice.post("/setProfile", wxname=name))["status"] == 0
        posters.append(str((await alice.post("/getSharePic", code=code))["pic"]))
    await tidy(context)
    assert await served(client, *posters) == [200] * 4  # somebody may be looking at a poster
    await let_files_age(context, SUPERSEDED_MS)
    await tidy(context)
    assert await served(client, *posters) == [200, 404, 404, 200]


async def test_a_visit_goes_when_its_task_is_long_over(context, settings, alice, bob, carol):
    code = await alice.publish()
    shares = {}
    for person, brought in ((alice, {}), (bob, {"is_share": 1, "from_unionid": alice.unionid})):
        shares[person.unionid] = (await person.get("/getTaskDetails", code=code, **brought))["share"]
    visits = context.store.visits
    days = AHEAD_DAYS + settings.task_days + settings.claim_days + OVER_DAYS
    for person, age_ms in ((alice, days * DAY_MS - 60_000), (bob, days * DAY_MS + 60_000)):
        await visits.rows.update_one({"unionid": person.unionid}, {"$inc": {"opened_at": -age_ms}})
    await tidy(context)
    assert [row["unionid"] async for row in visits.rows.find()] == [alice.unionid]
    assert await context.store.shares.rows.count_documents({}) == 0
    assert (await carol.get("/getTaskDetails", code=shares[alice.unionid]))["status"] == 0
    assert (await context.store.visits.of_tokens([shares[bob.unionid]])) == {}


async def test_a_report_goes_when_it_is_decided_and_its_task_is_long_over(client, context, settings):
    old_ms = (AHEAD_DAYS + settings.task_days + settings.claim_days + OVER_DAYS) * DAY_MS
    reports, now_ms = context.store.reports, context.clock.now_ms()
    for name, age_ms, is_open in (
        ("open and old", old_ms + 60_000, True),
        ("old", old_ms + 60_000, False),
        ("new", old_ms - 60_000, False),
    ):
        made = Report(
            _id=name, code="A" * 12, unionid=name, reason="fraud", text="", counts=1, at=now_ms - age_ms
        )
        await reports.insert(made | {"open": 1} if is_open else made)
    await tidy(context)
    assert {row["_id"] async for row in reports.rows.find()} == {"open and old", "new"}
    await reports.close_decided("A" * 12, 1, "upheld")
    await tidy(context)
    assert {row["_id"] async for row in reports.rows.find()} == {"new"}


async def test_an_upload_that_was_cut_off_anywhere_leaves_nothing(client, context, monkeypatch):
    picture = await pictures_of(context).normalise(a_picture(), "alice")
    written = Written(context, monkeypatch)
    await written.note(context.store.files.save(picture, "alice", context.clock.now_ms()))
    assert len(written.left) > 2
    # The write that comes last is lost in another way.
    await context.store.files.rows.delete_one({"metadata.owner": "alice"})
    assert len((await stored(context))[1]) == 2
    for left in (await all_documents(context), *written.left[:-1]):
        await put_back(context, left)
        await let_files_age(context, UNUSED_MS)
        await tidy(context)
        assert await stored(context) == (set(), set())


async def test_a_tidying_that_was_cut_off_anywhere_is_finished_by_the_next(
    client, context, monkeypatch, alice
):
    used, unused = await uploaded(alice), await uploaded(alice)
    code = await alice.publish(url=used[0])
    await alice.get("/getTaskDetails", code=code)
    await context.store.files.take(used[0], None, context.clock.now_ms())
    await let_files_age(context, UNUSED_MS)
    await context.store.visits.rows.update_many({}, {"$set": {"opened_at": 1}})
    written = Written(context, monkeypatch)
    await written.note(tidy(context))
    assert len(written.left) > 7
    for left in written.left:
        await put_back(context, left)
        assert await served(client, used[0]) == [200]
        assert set(await served(client, *unused)) <= {200, 404}
        await tidy(context)
        assert await served(client, *used, *unused) == [200, 200, 404, 404]
        names, with_bytes = await stored(context)
        assert names == with_bytes == {name_of(address) for address in used}
        assert await context.store.visits.rows.count_documents({}) == 0


async def test_a_poster_that_names_a_forgotten_person_goes_though_their_visit_is_gone(
    client, context, monkeypatch, alice, bob
):
    poster = (await bob.post("/getSharePic", code=await alice.publish()))["pic"]
    await context.store.visits.rows.delete_many({})
    await erase(context.store, bob.unionid)
    assert await served(client, poster) == [404]
