"""Scenarios of a process that dies while it reviews. Checks must be on (`reviews.CHECKED`)."""

from server.actions.digging.draft import Draft
from server.actions.digging.publish import publish
from server.actions.operate import decide_review
from server.actions.reviews.review import settle_reviews, take_event
from server.context import Context
from server.store.audit_log import Actor
from server.wechat.content import Result
from server.wechat.message_push import Event
from support.client import a_picture
from support.crashes import Scenario
from support.purse import find, sweep_until_quiet
from support.scenarios import Stage


async def uploaded(stage: Stage) -> Stage:
    """A picture that Alice has uploaded for her treasure; its address takes the place of the code."""
    return stage.of((await stage.alice.upload(a_picture()))["url"])


async def asked(stage: Stage) -> Stage:
    """WeChat passed the text of a treasure, and still looks at its picture."""
    await stage.client.misbehave("lose_notice", times=100)
    code = await stage.alice.publish(forecast_num=1)
    await settle_reviews(stage.context)
    return stage.of(code)


async def paid(stage: Stage, name: str = "红包") -> Stage:
    """A red packet that was paid before it was checked."""
    code = await stage.alice.paid_packet(name=name)
    return stage.of(code)


async def paid_and_bad(stage: Stage) -> Stage:
    """A red packet that was paid and will be refused."""
    return await paid(stage, "【违规】")


async def paid_and_held(stage: Stage) -> Stage:
    """A red packet that was paid and waits for an operator."""
    stage = await paid(stage, "【存疑】")
    await settle_reviews(stage.context)
    return stage


async def act_decide(victim: Context, stage: Stage) -> None:
    """An operator refuses the treasure."""
    await decide_review(victim, Actor("a", shared=False), f"task:{stage.code}", "不合适", shown=False)


async def act_publish(victim: Context, stage: Stage) -> None:
    """Call postTask, and look at the review for the first time."""
    person = await victim.store.people.find(stage.alice.id)
    assert person is not None
    draft = Draft(goods_type=2, url=stage.code, name="猫", prize_num=1, forecast_num=1, draw_type=2, cd=0)
    await publish(victim, person, draft)
    await settle_reviews(victim)


async def act_settle(victim: Context, stage: Stage) -> None:
    """Look at all reviews that are due."""
    await settle_reviews(victim)


async def act_push(victim: Context, stage: Stage) -> None:
    """WeChat pushes the result for the picture."""
    await push_results(victim)
    await settle_reviews(victim)


async def push_results(context: Context) -> None:
    """Push a result for each unanswered request in the database, as WeChat would."""
    for review in await find(context, "reviews", state="checking"):
        for trace_id in review["traces"]:
            passed = Event(kind="wxa_media_check", trace_id=trace_id, checked=Result("pass"))
            await take_event(context, passed)


async def bring_to_an_end(context: Context) -> None:
    """Let WeChat push all results, and settle everything."""
    for _ in range(3):
        await sweep_until_quiet(context)
        await push_results(context)
    await sweep_until_quiet(context)


REVIEW_SCENARIOS: dict[str, Scenario] = {
    "a treasure is published and checked": (uploaded, act_publish),
    "a picture's result is pushed": (asked, act_push),
    "a paid red packet passes": (paid, act_settle),
    "a paid red packet is refused": (paid_and_bad, act_settle),
    "an operator decides that a paid red packet is refused": (paid_and_held, act_decide),
}
