"""People's names and pictures are checked before others see them: the last choice counts."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from server.actions.operate import decide_review
from server.actions.people.account import set_profile
from server.actions.pictures import signed_path
from server.actions.reviews.review import settle_reviews
from server.actions.tidy import tidy_files
from server.context import Context
from server.game.amounts import DAY_MS
from server.store.audit_log import Actor
from support.client import Someone, a_picture
from support.meanwhile import failing, meanwhile
from support.purse import find
from support.reviews import CHECKED, settle
from support.steps import Killed, die
from support.stored import person_of

ME = Actor("小林", shared=False)


ENVIRONMENT = CHECKED


async def profile_of(context: Context, someone: Someone) -> dict[str, Any]:
    """Return the name and picture that others see of a person."""
    person = await person_of(context, someone)
    return {name: person[name] for name in ("wxname", "wxheadpic") if name in person}  # type: ignore[literal-required]


async def uploaded(someone: Someone) -> str:
    """Upload a picture; return its path."""
    return urlsplit((await someone.upload(a_picture()))["url"]).path


async def let_files_age(context: Context, milliseconds: int) -> None:
    await context.store.files.rows.update_many(
        {"metadata.delete_at": {"$exists": True}}, {"$inc": {"metadata.delete_at": -milliseconds}}
    )


@pytest.mark.parametrize("second", ["wxname", "wxheadpic"])
async def test_two_choices_at_once_are_both_kept(context, monkeypatch, second, alice):
    chosen = {"wxname": "乙", "wxheadpic": await uploaded(alice)}
    reviews = context.store.reviews
    with monkeypatch.context() as patch:
        meanwhile(patch, reviews, "replace_profiles", before=asyncio.Barrier(2).wait)
        replies = await asyncio.gather(
            alice.post("/setProfile", wxname="甲"), alice.post("/setProfile", **{second: chosen[second]})
        )
    assert [reply["review"] for reply in replies] == ["checking", "checking"]
    (review,) = await find(context, "reviews")
    await settle(context)
    seen = await profile_of(context, alice)
    if second == "wxname":
        assert seen in ({"wxname": "甲"}, {"wxname": "乙"})
        assert seen == {"wxname": review["wxname"]}
    else:
        assert seen == {"wxname": "甲", "wxheadpic": chosen["wxheadpic"]}
    assert await find(context, "reviews") == []


@pytest.mark.parametrize("step", ["insert", "replace_profiles"])
async def test_killed_at_any_step_of_a_choice_the_older_one_is_not_shown_after_it(
    context, monkeypatch, step, alice
):
    await alice.post("/setProfile", wxname="甲")
    with monkeypatch.context() as patch:
        patch.setattr(context.store.reviews, step, failing(Killed()))
        with pytest.raises(Killed):
            await set_profile(context, alice.unionid, "乙", None)
    # The older is looked at last, as by a process with a slow clock.
    await context.store.reviews.rows.update_many({"wxname": "甲"}, {"$inc": {"due_at": 5_000}})
    await settle(context)
    assert await profile_of(context, alice) == {"wxname": "乙"}
    assert await find(context, "reviews") == []


async def test_killed_before_a_first_choice_is_submitted_a_sweep_submits_it(context, monkeypatch, alice):
    with monkeypatch.context() as patch:
        patch.setattr(context.store.reviews, "insert", lambda *_: die())
        with pytest.raises(Killed):
            await set_profile(context, alice.unionid, "乙", None)
    await settle_reviews(context)  # too early: the process may only be slow
    assert await profile_of(context, alice) == {}
    await context.store.people.rows.update_many({"due_at": {"$exists": True}}, {"$set": {"due_at": 1}})
    await settle(context)
    assert await profile_of(context, alice) == {"wxname": "乙"}
    assert await find(context, "reviews") == []
    await set_profile(context, alice.unionid, "丙", None)
    assert await find(context, "people", due_at={"$exists": True}) == []


async def test_a_choice_that_cannot_be_submitted_keeps_nobody_else_waiting(context, monkeypatch, alice, bob):
    for k, who in enumerate((alice, bob), 1):
        await leave_unsubmitted(context, monkeypatch, who.unionid, due_at=k)
    insert = context.store.reviews.insert

    async def insert_but_alices(review: Any) -> bool:
        if review["unionid"] == alice.unionid:
            raise ValueError("a record that cannot be read")
        return await insert(review)

    with monkeypatch.context() as patch:
        patch.setattr(context.store.reviews, "insert", insert_but_alices)
        await settle(context)
    assert [await profile_of(context, who) for who in (alice, bob)] == [{}, {"wxname": "乙"}]
    await context.store.people.rows.update_one({"_id": alice.unionid}, {"$set": {"due_at": 1}})
    await settle(context)
    assert await profile_of(context, alice) == {"wxname": "乙"}


async def test_the_choice_of_a_person_who_is_being_forgotten_is_not_submitted(context, monkeypatch, alice):
    await leave_unsubmitted(context, monkeypatch, alice.unionid, due_at=1)
    person = await person_of(context, alice)
    await context.store.people.lock_out(person, "forgotten:x")
    await settle_reviews(context)
    assert (await profile_of(context, alice), await find(context, "reviews")) == ({}, [])
    # The account is kept after all.
    await context.store.people.let_in(alice.unionid)
    await context.store.people.rows.update_one({"_id": alice.unionid}, {"$set": {"due_at": 1}})
    await settle(context)
    assert await profile_of(context, alice) == {"wxname": "乙"}


async def leave_unsubmitted(
    context: Context, monkeypatch: pytest.MonkeyPatch, unionid: str, due_at: int
) -> None:
    """Choose a name in a process that dies before it submits the name; the review is due."""
    with monkeypatch.context() as patch:
        patch.setattr(context.store.reviews, "insert", lambda *_: die())
        with pytest.raises(Killed):
            await set_profile(context, unionid, "乙", None)
    await context.store.people.rows.update_one({"_id": unionid}, {"$set": {"due_at": due_at}})


async def test_a_choice_made_while_checks_were_on_is_not_shown_over_a_newer_one(context, alice):
    await alice.post("/setProfile", wxname="存疑")
    await settle(context)
    await context.store.people.set_profile(alice.unionid, "乙", None)  # as without checks
    (held,) = await find(context, "reviews")
    await decide_review(context, ME, held["_id"], "没有问题", shown=True)
    assert await profile_of(context, alice) == {"wxname": "乙"}


async def test_an_operator_who_lets_an_older_choice_pass_shows_it_to_nobody(context, monkeypatch, alice):
    await alice.post("/setProfile", wxname="存疑")
    await settle(context)
    (held,) = await find(context, "reviews")

    async def replace_nothing(*_: Any) -> None:
        """As if the process were slow."""

    with monkeypatch.context() as patch:
        patch.setattr(context.store.reviews, "replace_profiles", replace_nothing)
        await alice.post("/setProfile", wxname="小明")
    await settle(context)
    await decide_review(context, ME, held["_id"], "没有问题", shown=True)
    assert await profile_of(context, alice) == {"wxname": "小明"}


async def test_name_and_picture_that_a_login_brings_are_checked_too(client, context):
    alice = await client.log_in("alice", nickname="小爱")
    assert (alice.data["nickName"], alice.data["avatarUrl"], alice.data["named"]) == ("还没起名", "", 0)
    assert await profile_of(context, alice) == {}
    await settle(context)
    assert (await client.log_in("alice", nickname="小爱")).data["nickName"] == "小爱"
    bad = await client.log_in("bob", nickname="违规词")
    for _ in range(2):
        await settle(context)
        assert bad.data["nickName"] == "还没起名"
        (review,) = await find(context, "reviews", unionid=bad.unionid)
        assert review["state"] == "refused"
        bad = await client.log_in("bob", nickname="违规词")
        assert [each["_id"] for each in await find(context, "reviews", unionid=bad.unionid)] == [
            review["_id"]
        ]
    await alice.post("/setProfile", wxname="自己起的名")
    await settle(context)
    again = await client.log_in("alice", nickname="小爱")
    await settle(context)
    assert again.data["nickName"] == "自己起的名"
    assert (await profile_of(context, again))["wxname"] == "自己起的名"


async def test_a_picture_stays_while_it_is_looked_at_and_for_good_only_once_it_is_shown(client, context):
    (alice,) = await client.log_in_all("alice")
    await client.misbehave("judge", call="media_check_async", code="review", times=2)
    first = await uploaded(alice)
    await alice.post("/setProfile", wxheadpic=first)
    await settle(context)
    for _ in range(2):
        await let_files_age(context, 3 * DAY_MS)
        await tidy_files(context)
        assert (await client.http.get(signed_path(context, first))).status_code == 200
    second = await uploaded(alice)
    await alice.post("/setProfile", wxheadpic=second)
    await settle(context)
    (held,) = await find(context, "reviews")
    await decide_review(context, ME, held["_id"], "没有问题", shown=True)
    await let_files_age(context, 3 * DAY_MS)
    while await tidy_files(context):
        pass
    assert (await profile_of(context, alice))["wxheadpic"] == second
    assert (await client.http.get(signed_path(context, first))).status_code == 404  # nobody ever saw it
    (left,) = await find(context, "pictures.files", **{"metadata.file_id": {"$exists": True}})
    assert (left["_id"], left["metadata"]["kept"]) == (second.removeprefix("/files/"), 1)


async def test_a_refused_picture_is_served_to_nobody_and_goes(client, context, alice):
    await client.misbehave("judge", call="media_check_async", code="risky")
    path = await uploaded(alice)
    seen = [signed_path(context, each) for each in (path, path.replace(".", "_t."))]
    assert [(await client.http.get(each)).status_code for each in seen] == [200, 200]
    await alice.post("/setProfile", wxheadpic=path)
    await settle(context)
    assert [(await client.http.get(each)).status_code for each in seen] == [404, 404]
    assert (await alice.post("/setProfile", wxheadpic=path))["error"] == "bad_request"
    await tidy_files(context)
    assert await find(context, "pictures.files", **{"metadata.file_id": {"$exists": True}}) == []


async def test_a_picture_beside_a_bad_name_can_be_chosen_again(context, alice):
    path = await uploaded(alice)
    await alice.post("/setProfile", wxname="违规", wxheadpic=path)
    await settle_reviews(context)
    assert (await alice.get("/getMyInfo"))["review"] == "refused"
    await alice.post("/setProfile", wxname="小爱", wxheadpic=path)
    await settle(context)
    assert await profile_of(context, alice) == {"wxname": "小爱", "wxheadpic": path}


async def test_a_first_treasure_is_signed_by_the_name_that_was_just_chosen(context, alice, bob):
    await context.store.people.rows.update_one({"_id": alice.unionid}, {"$set": {"nickName": ""}})
    await alice.post("/setProfile", wxname="小红")
    code = await alice.publish()
    await settle(context)
    task = await bob.get("/getTaskDetails", code=code)
    assert (task["wxname"], task["signed"]) == ("小红", 0)

    await alice.post("/setProfile", wxname="小明")  # others see the old name until this one passes
    code = await alice.publish()
    await settle(context)
    assert (await bob.get("/getTaskDetails", code=code))["wxname"] == "小红"


@pytest.mark.parametrize(("name", "review"), [("违规", "refused"), ("存疑", "held")])
async def test_a_first_treasure_shows_no_name_that_did_not_pass(context, name, review, alice):
    await context.store.people.rows.update_one({"_id": alice.unionid}, {"$set": {"nickName": ""}})
    await alice.post("/setProfile", wxname=name)
    code = await alice.publish()
    await settle(context)
    assert (await alice.get("/getTaskDetails", code=code))["review"] == review
