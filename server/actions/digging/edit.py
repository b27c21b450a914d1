"""Changing a task's texts and pictures, until somebody digs it."""

from __future__ import annotations

from typing import Any

from server.actions.announce import announce_judged
from server.actions.digging.draft import Edited
from server.actions.digging.publish import renamed, take_pictures, texts_of
from server.actions.people.account import take_upload
from server.actions.reviews.submit import may_be_looked_at, submit_task
from server.context import Context
from server.errors import HasDigs, refuse
from server.game.amounts import FOLLOWED_MS
from server.game.ranks import pictures_of
from server.game.reasons import DUG_ALREADY, why_not_edit
from server.game.task import Task
from server.store.files import thumbnail_path
from server.store.people.people import Person


async def edit(context: Context, publisher: Person, code: str, said: Edited) -> Task:
    """Replace a task's texts, and each picture for which a `url` is given; return the changed task.

    If contents are checked, or an operator has to look, nobody else sees the task, and nobody can dig it,
    until it has passed again. Safe to repeat.

    Raises NoSuchTask, NotYours, Ended, HasDigs, NotShown if it is taken down; BadRequest if the publisher did
    not upload a picture here, or the texts do not fit the task.
    """
    task = await _may_edit(context, code, publisher["_id"])
    changes: dict[str, Any] = {**texts_of(publisher, said)}
    now_ms = context.clock.now_ms()
    if said.url:
        pic = await take_upload(context, publisher, said.url)
        changes |= {"pic": pic, "thumbnail": thumbnail_path(pic)}
    if said.prizes is not None:
        changes["ranks"] = renamed(task.get("ranks", []), said.prizes)
        await take_pictures(context, publisher, changes["ranks"], said.prizes)
    if changes.items() <= task.items():
        return task
    if context.settings.checks_content or may_be_looked_at(context.settings, task):
        # If this process dies before it submits the edit, a sweep does.
        changes |= {"review": "checking", "due_at": now_ms + FOLLOWED_MS}
    edited = await context.store.tasks.edit(code, publisher["_id"], changes)
    if edited is None:
        await _may_edit(context, code, publisher["_id"])
        raise HasDigs(DUG_ALREADY)  # somebody had dug, and the dig was not there at this second look
    if "review" in changes:
        await submit_task(context, edited, publisher["openid"])
    for pic in set(pictures_of(task)).difference(pictures_of(edited)):
        await context.store.files.take(pic, None, now_ms)  # a sweep deletes an unused picture
    await announce_judged(context, code)
    watched = context.hub.known.by_code.get(code)
    if watched is not None and watched.loaded:
        await context.hub.read_now(watched)  # the page that this caller opens next shows it
    return edited


async def _may_edit(context: Context, code: str, person_id: str) -> Task:
    task = await context.store.tasks.get(code)
    refuse(why_not_edit(task, person_id))
    return task
