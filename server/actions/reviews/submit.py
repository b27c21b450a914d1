"""Submitting what people publish to review (`review.py`): WeChat checks it, or an operator has to look."""

from server.context import Context
from server.errors import NotLoggedIn
from server.game.amounts import DAY_MS
from server.game.ranks import pictures_of
from server.game.review import MAILED_DAYS, mailed_prizes, why_looked_at
from server.game.task import Task
from server.security.random_codes import random_code
from server.settings import Settings
from server.store.people.people import WECHAT_USER, Chosen, Person
from server.store.reviews.reviews import new_review


def may_be_looked_at(settings: Settings, task: Task) -> bool:
    """Whether a task has to be in review until it is known whether an operator has to look at it."""
    return bool(settings.mail_review_prizes and mailed_prizes(task))


async def _why_looked_at(context: Context, task: Task) -> str:
    """Say why an operator has to look at a stored task, "" if nobody has to.

    The task counts itself, and so do tasks published at the same moment: each counts the other.
    """
    most = context.settings.mail_review_prizes
    since_ms = context.clock.now_ms() - MAILED_DAYS * DAY_MS
    # Each has at least one prize by mail, so these tell whether they are too many.
    lately = await context.store.moderation.by_mail(task["publisher"], since_ms, most + 1)
    return why_looked_at(task, lately, most)


async def submit_task(context: Context, task: Task, openid: str) -> None:
    """Submit a task that is `checking`. Safe to repeat. A picture that we drew needs no check."""
    uploaded = await context.store.files.is_upload(task["pic"])
    pictures = pictures_of(task)[0 if uploaded else 1 :]
    kinds = [rank["name"] for rank in task.get("ranks", [])]
    handing_over = task.get("place"), task.get("pickup_time"), task.get("contact")
    text = "\n".join(filter(None, (task["name"], task["wxname"], task["synopsis"], *kinds, *handing_over)))
    edited = task.get("edited", 0)
    key = f"task:{task['_id']}:{edited}" if edited else f"task:{task['_id']}"
    review = new_review(key, task["publisher"], openid, text, context.clock.now_ms())
    review["code"] = task["_id"]
    review["picture"] = pictures[0] if pictures else ""
    if pictures[1:]:
        review["more"] = pictures[1:]
    if may_be_looked_at(context.settings, task):
        review["look"] = await _why_looked_at(context, task)
    if edited:
        review["edited"] = edited
    await context.store.reviews.insert(review)
    if edited:
        await context.store.reviews.delete_of_task(task["publisher"], task["_id"], edited)


async def submit_profile(context: Context, person_id: str, wxname: str | None, wxheadpic: str | None) -> None:
    """Submit the name, the picture or both that a person chose. Others go on seeing the old name and picture.

    An earlier choice that is not shown yet is checked with the new one. Raises NotLoggedIn.
    """
    key = f"profile:{random_code()}"
    person = await context.store.people.choose(person_id, key, wxname, wxheadpic)
    if person is None:
        raise NotLoggedIn
    await submit_chosen(context, person, person["chosen"])


async def submit_chosen(context: Context, person: Person, chosen: Chosen) -> None:
    """Submit what a person chose last, in place of what they chose before. Safe to repeat.

    If the process dies before the end, a sweep does it. Nothing is submitted for somebody who is being
    erased, because a review names them.
    """
    if "erasing" in person:
        return
    text = chosen.get("wxname", "")
    review = new_review(chosen["key"], person["_id"], person["openid"], text, context.clock.now_ms())
    review["picture"] = chosen.get("wxheadpic", "")
    review["choice"] = chosen["number"]
    if "wxname" in chosen:
        review["wxname"] = chosen["wxname"]
    if "wxheadpic" in chosen:
        review["wxheadpic"] = chosen["wxheadpic"]
    await context.store.reviews.insert(review)
    await context.store.reviews.replace_profiles(review)
    await context.store.people.note_submitted(person["_id"], chosen["number"])


async def submit_name(context: Context, person: Person, name: str) -> None:
    """Submit the name that WeChat gave for somebody who chose none, unless it was refused before."""
    if "wxname" in person or "chosen" in person or name in ("", WECHAT_USER):
        return
    refused = await context.store.reviews.of_profile(person["_id"])
    if refused is None or refused["text"] != name:
        await submit_profile(context, person["_id"], name, None)
