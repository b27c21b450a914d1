"""WeChat answers late about all contents, or about some: other reviews go on, and few requests wait for
WeChat."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.actions.reviews.review import settle_reviews
from server.errors import WeChatBusy
from server.game.review import decided
from support.purse import find
from support.reviews import CHECKED, retry, settle, state_of

ENVIRONMENT = CHECKED


class Late:
    """A call that WeChat does not answer. Counts the calls, and how many waited at once."""

    def __init__(self) -> None:
        self.asked = self.most = self.waiting = 0

    async def __call__(self, *_asked: Any) -> None:
        self.asked += 1
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0)  # lets other calls begin if they are allowed to
        self.waiting -= 1
        raise WeChatBusy


@pytest.mark.parametrize("part", ["text", "picture"])
async def test_two_reviews_one_after_the_other_find_out_that_wechat_is_late(
    context, monkeypatch, part, alice
):
    for _ in range(5):
        await alice.publish()
    late = Late()
    monkeypatch.setattr(context.wechat, f"check_{part}", late)
    await settle_reviews(context)  # if pictures are late, the texts are known now
    late.asked = late.most = 0
    await retry(context)
    await settle_reviews(context)
    assert (late.asked, late.most) == (2, 1)


async def test_pictures_that_wechat_does_not_answer_about_hold_up_nothing_else(context, monkeypatch, alice):
    doubtful, pushed = await alice.publish(name="存疑"), await alice.publish()
    await settle_reviews(context)
    await settle(context)
    assert (await state_of(context, doubtful))["review"] == "held"
    late = Late()
    monkeypatch.setattr(context.wechat, "check_picture", late)
    for _ in range(12):
        await alice.publish()
    await settle_reviews(context)
    assert late.asked == 1  # the other texts did not wait for their pictures
    await alice.post("/setProfile", wxname="新名字")
    # A process died after it noted an operator's decision.
    await context.store.reviews.move(f"task:{doubtful}", decided("shown", "可以"))
    await retry(context)
    await settle_reviews(context)
    [person] = await find(context, "people", _id=alice.unionid)
    assert person["wxname"] == "新名字"
    assert (await state_of(context, doubtful))["review"] == "shown"
    assert (await state_of(context, pushed))["review"] == "shown"
    waiting = await find(context, "reviews", state="checking")
    assert [(review["text_said"], review["picture_said"]) for review in waiting] == [("pass", "")] * 12


async def test_a_text_that_wechat_never_answers_about_holds_up_no_other_text(context, monkeypatch, alice):
    never = await alice.publish(name="永远没有回答")
    others = [await alice.publish() for _ in range(3)]
    check_text = context.wechat.check_text

    async def check(openid: str, scene: int, text: str) -> Any:
        if "永远" in text:
            raise WeChatBusy
        return await check_text(openid, scene, text)

    monkeypatch.setattr(context.wechat, "check_text", check)
    await settle(context)
    shown = [(await state_of(context, code))["review"] for code in (never, *others)]
    assert shown == ["checking", "shown", "shown", "shown"]
