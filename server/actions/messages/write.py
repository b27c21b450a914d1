"""Writing the messages to people who left: who is told of what, and who consented.

`send_messages` sends them. A message has one id per occasion, so writing it again changes nothing. If a kind
has no template, nothing is read or written.
"""

from server.context import Context
from server.errors import BadRequest, Ended, NoSuchTask, NotPaid, NotShown, refuse
from server.game.amounts import DAY_MS
from server.game.prize import UNCLAIMED
from server.game.reasons import may_see, standing_of, why_barred
from server.game.review import is_shown, review_of
from server.game.task import Task
from server.settings.messages import MessageKind
from server.store.messages.messages import Message
from server.store.prizes.prizes import Prize

# Nobody is told of events that are older than this. Ended messages are kept for longer, so no message is
# written twice.
FRESH_MS = 7 * DAY_MS
REMIND_MS = DAY_MS
# Followers are told of a task only if it opens within this time after its publication.
ANNOUNCED_MS = 30 * DAY_MS
SAVED_MS = 10_000  # more than it takes to save a task
LOOK_MS = 600_000
# A turn looks at FOLLOWERS followers. It reads AT_ONCE of the followers' numbers at a time, so that no
# command holds up a store for long. Followers who left leave gaps in the numbers, so a turn reads at most
# READS times.
FOLLOWERS = 200
AT_ONCE = 50
READS = 40
# Kinds of messages that several people may get about the same task.
TO_MANY: tuple[MessageKind, ...] = ("cooldown_over", "announced")


async def tell_winner(context: Context, prize: Prize) -> None:
    """Tell a winner until when to claim. Safe to repeat."""
    if _told("won", context) and _fresh(context, prize["won_at"]):
        until_ms = context.clock.now_ms() + context.settings.claim_days * DAY_MS
        await _write(context, "won", prize["code"], prize["person_id"], until_ms, prize=prize["_id"])


async def tell_of_deadline(context: Context, prizes: list[Prize], deadline_ms: int) -> None:
    """Tell the winners who have not claimed that the deadline is near. Safe to repeat."""
    for prize in prizes:
        if prize["state"] in UNCLAIMED:
            await _write(
                context, "claim_ends", prize["code"], prize["person_id"], deadline_ms, prize=prize["_id"]
            )


async def tell_of_end(context: Context, task: Task) -> None:
    """Tell a publisher that their task has ended or was refused, unless they ended it. Safe to repeat."""
    kind: MessageKind = "refused" if task["end_reason"] == "refused" else "ended"
    if _told(kind, context) and task["end_reason"] != "publisher" and _fresh(context, task["ended_at"]):
        await _write(context, kind, task["_id"], task["publisher"], task["ended_at"] + FRESH_MS)


async def remind(context: Context, code: str, person_id: str) -> int:
    """Tell a person once when the cooldown of a task is over; return when that is (unix ms). Safe to repeat.

    Raises NoSuchTask, NotShown, Ended, NotPaid, OwnTask, AlreadyWon; BadRequest if there is no cooldown, or
    no template for this message.
    """
    if not _told("cooldown_over", context):
        raise BadRequest("这里还没有开通提醒")
    view = await context.store.tasks.view(code, person_id)
    if view is None:
        raise NoSuchTask
    task = view["task"]
    won = view["won"] is not None
    if not may_see(review_of(task), mine=task["publisher"] == person_id, won=won):
        raise NotShown
    if task["status"]:
        raise Ended
    if not task["open"]:  # the task was announced, and may never be paid for
        raise NotPaid
    refuse(why_barred(standing_of(task), person_id, won=won))
    if task["cd_until"] <= view["now"]:
        raise BadRequest("冷却已经结束，现在就可以挖")
    message = _message(
        context, "cooldown_over", code, person_id, task["cd_until"] + REMIND_MS, due_at_ms=task["cd_until"]
    )
    if not await context.store.messages.insert(message):
        await _renew(context, message)
    moved = await context.store.tasks.get(code)  # perhaps its start was moved since the view
    if moved["cd_until"] < task["cd_until"]:
        await context.store.messages.hasten(code, moved["cd_until"])
    return moved["cd_until"]


async def _renew(context: Context, message: Message) -> None:
    """Write a message again, if the previous one has ended."""
    messages = context.store.messages
    template = context.settings.templates[message["kind"]]
    if not await messages.open_number([message["_id"]]):
        # The process that sent it may have died before it spent the consent, which the new message must not
        # use.
        await context.store.consents.spend(message["person_id"], template.template_id, message["_id"])
    await messages.renew(message)


async def subscribe(context: Context, person_id: str, template_ids: list[str]) -> None:
    """Note that a person allows one more message of each template, and wake the messages that wait for this
    consent.

    If the process dies in between, waiting messages look for a consent again later. Raises BadRequest.
    """
    templates = context.settings.templates
    kinds = [kind for kind, template in templates.items() if template.template_id in template_ids]
    if not {templates[kind].template_id for kind in kinds}.issuperset(template_ids):
        raise BadRequest("没有这个订阅消息模板", param="templates")
    for template_id in dict.fromkeys(template_ids):
        await context.store.consents.add(person_id, template_id)
    await context.store.messages.wake(person_id, kinds)


async def announce_to_followers(context: Context, task: Task) -> None:
    """Let the followers be told of a task once it is paid for and shown. Call this before the task is saved.
    Safe to repeat."""
    if not _told("announced", context) or not task["is_public"]:
        return
    code = task["_id"]
    publisher = task["publisher"]
    person = await context.store.people.find(publisher)
    if person is None or "followed" not in person:
        return
    now_ms = context.clock.now_ms()
    message = _message(
        context, "announced", code, publisher, now_ms + ANNOUNCED_MS, due_at_ms=now_ms + SAVED_MS
    )
    await context.store.messages.insert({**message, "after": 0, "last": person["followed"]})


async def tell_followers(context: Context, message: Message) -> None:
    """Write to some more of a publisher's followers, if they consented. Between turns other work is done.

    Somebody who began to follow after the announcement has a number above the message's `last`. A process may
    die after any line: the same messages are then written again under the same ids.
    """
    store = context.store
    now_ms = context.clock.now_ms()
    code = message["code"]
    publisher = message["person_id"]
    task = await store.tasks.find(code)
    age_ms = now_ms - message["created_at"]
    # The process may have died before it saved the task. The publisher has a day to try again.
    given_up = age_ms > DAY_MS if task is None else task["publisher"] != publisher or task["status"]
    if given_up or now_ms > message["until"]:
        await store.messages.end(message, "moot", now_ms)
        return
    if task is None or not (task["open"] and is_shown(task)):  # not saved yet, or unpaid, or in review
        await store.messages.postpone(message, now_ms + min(max(age_ms // 4, SAVED_MS), LOOK_MS), 0)
        return
    after = message["after"]
    last = message["last"]
    if after >= last:
        await store.messages.end(message, "sent", now_ms)
        return
    looked_at = 0
    for _ in range(READS):
        before = after
        after = min(after + AT_ONCE, last)
        looked_at += await _tell_some(context, message, before, after)
        if looked_at >= FOLLOWERS or after == last:
            break
    await store.messages.go_on(message, after)


async def _tell_some(context: Context, message: Message, after: int, until: int) -> int:
    """Write to the followers whose numbers are above `after` and at most `until`, if they consented.

    Returns how many followers have these numbers.
    """
    store = context.store
    until_ms = context.clock.now_ms() + DAY_MS
    followers = await store.follows.followers(message["person_id"], after, until)
    if followers:
        template_id = context.settings.templates["announced"].template_id
        willing = await store.consents.willing(followers, template_id)
        if willing:
            await store.messages.insert_all(
                [_message(context, "announced", message["code"], each, until_ms) for each in sorted(willing)]
            )
    return len(followers)


def _told(kind: MessageKind, context: Context) -> bool:
    return kind in context.settings.templates


def _fresh(context: Context, at_ms: int) -> bool:
    return context.clock.now_ms() - at_ms < FRESH_MS


async def _write(
    context: Context, kind: MessageKind, code: str, person_id: str, until_ms: int, prize: str = ""
) -> None:
    await context.store.messages.insert(_message(context, kind, code, person_id, until_ms, prize))


def _message(
    context: Context,
    kind: MessageKind,
    code: str,
    person_id: str,
    until_ms: int,
    prize: str = "",
    due_at_ms: int = 0,
) -> Message:
    now_ms = context.clock.now_ms()
    about = prize or code
    return Message(
        _id=f"{kind}:{about}:{person_id}" if kind in TO_MANY else f"{kind}:{about}",
        kind=kind,
        code=code,
        person_id=person_id,
        prize=prize,
        state="waiting",
        tries=0,
        until=until_ms,
        created_at=now_ms,
        ended_at=0,
        alarm="",
        due_at=due_at_ms or now_ms,
    )
