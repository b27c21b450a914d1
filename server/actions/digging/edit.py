"""Changing a task's texts, pictures and start, until somebody digs it."""

from typing import Any

from server.actions.announce import announce_changed
from server.actions.digging.draft import Edited
from server.actions.digging.publish import LEAST_MS, longest_ms, renamed, take_pictures, texts_of
from server.actions.people.account import take_upload
from server.actions.reviews.submit import may_be_looked_at, submit_task
from server.context import Context
from server.errors import BadRequest, HasDigs, refuse
from server.game.amounts import DAY_MS, FOLLOWED_MS
from server.game.ranks import pictures_of
from server.game.reasons import DUG_ALREADY, why_not_edit
from server.game.review import review_of
from server.game.task import Task
from server.store.files import thumbnail_path
from server.store.people.people import Person


async def edit(context: Context, publisher: Person, code: str, said: Edited) -> Task:
    """Replace a task's texts, its start if one is given, and each picture for which a `url` is given.

    Returns the changed task.

    If contents are checked, or an operator has to look, nobody else sees the task, and nobody can dig it,
    until it has passed again. Safe to repeat.

    Raises NoSuchTask, NotYours, Ended, HasDigs, NotShown if it is taken down; BadRequest if the publisher did
    not upload a picture here, or the texts or the start do not fit the task.
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
    # Who moves the start alone shows nothing new.
    unread = not changes.items() <= task.items() or review_of(task) != "shown"
    if said.starts_at is not None and said.starts_at != task.get("starts_at"):
        changes |= _moved(context, task, said.starts_at)
    if changes.items() <= task.items():
        if said.starts_at is not None:  # the process that moved it may have died before it told anybody
            await _tell_start(context, task)
        return task
    if unread and (context.settings.checks_content or may_be_looked_at(context.settings, task)):
        # If this process dies before it submits the edit, a sweep does.
        changes |= {"review": "checking", "due_at": now_ms + FOLLOWED_MS}
    edited = await context.store.tasks.edit(task, changes)
    if edited is None:
        seen = await _may_edit(context, code, publisher["_id"])
        if any(seen.get(name) != task.get(name) for name in ("open", "edited")):
            return await edit(context, publisher, code, said)  # it opened or was edited just now
        raise HasDigs(DUG_ALREADY)  # somebody had dug, and the dig was not there at this second look
    if "review" in changes:
        await submit_task(context, edited, publisher["openid"])
    for pic in set(pictures_of(task)).difference(pictures_of(edited)):
        await context.store.files.take(pic, None, now_ms)  # a sweep deletes an unused picture
    if said.starts_at is not None:
        await _tell_start(context, edited)
    else:
        await announce_changed(context, code)
    watched = context.hub.known.by_code.get(code)
    if watched is not None and watched.loaded:
        await context.hub.read_now(watched)  # the page that this caller opens next shows it
    return edited


async def _tell_start(context: Context, task: Task) -> None:
    """Let reminders come at a task's start, and all processes read it again. Safe to repeat."""
    await context.store.messages.hasten(task["_id"], task["cd_until"])  # a later start postpones them itself
    await announce_changed(context, task["_id"])


def _moved(context: Context, task: Task, starts_at: int) -> dict[str, Any]:
    """Return the fields of a task that nobody has dug, with another start. Raises BadRequest."""
    task_days = context.settings.task_days
    ends_at = task.get("ends_at", 0)
    if ends_at and starts_at + max(LEAST_MS, task["max_depth"] * task["cd_ms"]) > ends_at:
        raise BadRequest("这样开挖太晚了，到结束时挖不完", param="starts_at")
    longest_ms(starts_at, ends_at, context.clock.now_ms(), task_days)
    moved = {"starts_at": starts_at, "cd_until": starts_at}
    if task["open"]:
        until_ms = ends_at or starts_at + task_days * DAY_MS
        moved |= {"opened_at": starts_at, "expires_at": until_ms, "due_at": until_ms}
    return moved


async def _may_edit(context: Context, code: str, person_id: str) -> Task:
    task = await context.store.tasks.get(code)
    refuse(why_not_edit(task, person_id))
    return task
