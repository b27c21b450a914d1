"""Scenarios of a process that dies while it deals with reports, hidden treasures and bans."""

import dataclasses

from server.actions.digging.end_task import settle_task
from server.actions.operate import ban, hide_task
from server.actions.people.whom import Whom
from server.actions.reviews.report import report, settle_reports
from server.context import Context
from server.game.amounts import DAY_MS
from server.game.review import REPORTED_MS, review_of
from server.store.audit_log import Actor
from server.store.reviews.reports import Report
from support.client import rest
from support.crashes import Scenario
from support.purse import find, let_pass
from support.scenarios import Stage

ACTOR = Actor("a", shared=False)
# Collections that these scenarios change, besides those of money and reviews.
TRACED = ("reports", "people", "audit_log")


async def before_the_last_report(stage: Stage) -> Stage:
    """Publish goods that are hidden by one more report that counts. Bob's report would count."""
    for name in TRACED:
        if name != "people":
            await stage.context.store.database[name].delete_many({})
    await stage.context.store.people.collection.update_many(
        {}, {"$unset": {"banned": ""}, "$set": {"created_at": 1}}
    )
    # An earlier scenario may have banned her, which ended her session.
    stage = dataclasses.replace(stage, alice=await stage.client.log_in("alice"))
    code = await stage.alice.publish()
    await stage.bob.dig(code)
    await rest(stage.context)
    for k in range(1, stage.context.settings.reports_to_hold):
        report = a_report(code, f"person-{k}", stage.context.clock.now_ms())
        await stage.context.store.reports.insert(report)
    return stage.of(code)


def a_report(code: str, person_id: str, at_ms: int) -> Report:
    """Return a report that counts and waits for an operator."""
    return Report(
        _id=f"{code}:{person_id}", code=code, person_id=person_id, reason="fraud", text="",
        counts=1, at=at_ms, open=1,
    )  # fmt: skip


async def reported(stage: Stage) -> Stage:
    """Publish goods, and let reports hide them."""
    stage = await before_the_last_report(stage)
    await act_report(stage.context, stage)
    return stage


async def act_report(victim: Context, stage: Stage) -> None:
    """Send the last report that is needed to hide the goods."""
    person = await victim.store.people.find(stage.bob.id)
    assert person is not None
    await report(victim, person, stage.code, "fraud", "")


async def act_hide(victim: Context, stage: Stage) -> None:
    """An operator takes the treasure down for good."""
    await hide_task(victim, ACTOR, stage.code, "违法", hidden=True)


async def reported_for_long(stage: Stage) -> Stage:
    """Let reports hide goods for as long as they may without an operator's decision."""
    stage = await reported(stage)
    await let_pass(stage.context, REPORTED_MS)
    return stage


async def act_unhide(victim: Context, stage: Stage) -> None:
    """A sweep shows the treasure again."""
    await settle_task(victim, await victim.store.tasks.get(stage.code))


async def act_ban(victim: Context, stage: Stage) -> None:
    """An operator bans the publisher."""
    await ban(victim, ACTOR, Whom(stage.code), 0, "骗子")


async def check_nobody_waits_in_vain(context: Context) -> None:
    """Assert that each reported treasure is decided or queued, and that each decision is in the log."""
    await context.store.reports.collection.update_many(
        {"due_at": {"$gt": 0}}, {"$set": {"due_at": context.clock.now_ms() - DAY_MS}}
    )
    await settle_reports(context)
    queued = [each["code"] for each in await context.store.reports.queue(100)]
    log = [(act["act"], act["target"]) for act in await find(context, "audit_log")]
    assert await find(context, "reports", due_at={"$exists": True}) == []
    for task in await find(context, "tasks"):
        number = queued.count(task["_id"])
        state = review_of(task)
        if "decided" in task:
            assert ("hide" if task["hidden"] else "show", task["_id"]) in log
            assert state != "held"
        elif number >= context.settings.reports_to_hold:
            assert state == ("held" if "reported" in task else "shown")
            assert "reported_at" in task
        else:
            assert (state, bool(number)) == ("shown", bool(await find(context, "reports")))
    for person in await find(context, "people", banned={"$exists": True}):
        assert person.get("ended_at"), "banned, and their sessions go on"
        assert [act for act, _ in log] == ["ban"]


REPORT_SCENARIOS: dict[str, Scenario] = {
    "a treasure is reported": (before_the_last_report, act_report),
    "an operator hides a reported treasure": (reported, act_hide),
    "reports hide a treasure no longer": (reported_for_long, act_unhide),
    "a publisher is banned": (before_the_last_report, act_ban),
}
