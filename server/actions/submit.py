"""Submitting what people publish to review (`review.py`), where WeChat checks contents."""

from __future__ import annotations

from server.context import Context
from server.random_codes import random_code
from server.store.people import Person
from server.store.reviews import Review
from server.store.tasks import Task


async def submit_task(context: Context, task: Task, openid: str) -> None:
    """Have a task checked that is `checking`. Safe to repeat. A picture that we drew needs no check."""
    uploaded = await context.store.files.is_upload(task["pic"])
    text = "\n".join(filter(None, (task["name"], task["wxname"], task["synopsis"])))
    review = _review(context, f"task:{task['_id']}", task["publisher"], openid, text)
    review["code"], review["picture"] = task["_id"], task["pic"] if uploaded else ""
    await context.store.reviews.add(review)


async def submit_profile(
    context: Context, person: Person, wxname: str | None, wxheadpic: str | None
) -> None:
    """Have a name, a picture or both checked that a person chose; others go on seeing the old ones.

    What they chose before and is not shown yet is replaced.
    """
    before = await context.store.reviews.of_profile(person["_id"])
    if before is not None and before["state"] in ("checking", "held"):
        wxname = before.get("wxname") if wxname is None else wxname
        wxheadpic = before.get("wxheadpic") if wxheadpic is None else wxheadpic
    key = f"profile:{random_code()}"
    review = _review(context, key, person["_id"], person["openid"], wxname or "")
    review["picture"] = wxheadpic or ""
    if wxname is not None:
        review["wxname"] = wxname
    if wxheadpic is not None:
        review["wxheadpic"] = wxheadpic
    await context.store.reviews.add(review)
    await context.store.reviews.replace_profiles(review)


def _review(context: Context, key: str, unionid: str, openid: str, text: str) -> Review:
    now_ms = context.clock.now_ms()
    return Review(
        _id=key,
        code="",
        unionid=unionid,
        openid=openid,
        text=text,
        picture="",
        state="checking",
        text_said="",
        picture_said="",
        risks=[],
        traces=[],
        asked_at=0,
        why="",
        created_at=now_ms,
        due_at=now_ms,
    )
