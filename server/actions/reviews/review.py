"""Reviews: WeChat checks what people publish before others see it; an operator decides what WeChat leaves
open.

Each step is saved before the next one begins, and any process can go on with what another one left. A review
stays due until the task, or the person's record, says how it ended.
"""

import asyncio
import logging
from typing import Literal

from server.actions.announce import announce_changed, announce_end
from server.actions.people.account import ban_of, name_earlier_digs
from server.actions.pictures import signed_path
from server.actions.reviews.submit import submit_chosen
from server.context import Context
from server.errors import WeChatBusy
from server.game import opening
from server.game import review as row
from server.game.amounts import DAY_MS
from server.game.review import Part
from server.security.plain_text import seen
from server.store import is_unavailable
from server.store.people.people import Chosen, Person
from server.store.reviews.media_checks import MediaCheck
from server.store.reviews.reviews import Review
from server.wechat import WeChatError
from server.wechat.content import UNCHECKED, Result
from server.wechat.message_push import MEDIA_CHECK, Event

# WeChat's `scene`: a profile, and a forum.
PROFILE = 1
FORUM = 3
# WeChat pushes the result of a picture within this time. If no result comes, WeChat is asked once more.
RESULT_MS = 1_800_000
ASKS = 2
# Once WeChat has answered about a first review, this many go on at once, because WeChat may be slow.
AT_ONCE = 10
PARTS: tuple[Part, ...] = ("text", "picture")

# The reason that a banned publisher and the operator read.
BANNED = "发布者已被封禁，等平台的人看一看"

log = logging.getLogger("wabao.reviews")


async def settle_reviews(context: Context) -> None:
    """Bring all due reviews one step nearer to their end. The leader repeats this.

    While WeChat does not answer about texts, pictures go on, and the other way round.
    """
    async for person in context.store.people.lease_due(context.clock.now_ms):
        if "chosen" in person:
            await _submit(context, person, person["chosen"])
    late: set[Part] = set()  # the parts about which WeChat did not answer in this turn
    turns = (_settle_due(context, part, late) for part in (None, *PARTS))
    for failed in await asyncio.gather(*turns, return_exceptions=True):
        if failed is not None:
            raise failed


async def _settle_due(context: Context, part: Part | None, late: set[Part]) -> None:
    """Check the due reviews whose `part` WeChat has to check; with None, the reviews for which WeChat need
    not be asked.

    WeChat is asked about one review at first, then about several at once. After two reviews without an
    answer, the rest waits for the next turn. Many checks at once would make digs wait for the store.
    """
    reviews = context.store.reviews
    before_ms = context.clock.now_ms() - RESULT_MS
    due: list[Review] = []
    at_once = 1
    again = False
    async for review in reviews.lease_due_for(part, context.clock.now_ms, before_ms):
        due.append(review)
        if len(due) == at_once:
            unanswered = await asyncio.gather(*(_settle(context, one, late) for one in due))
            if part in unanswered and (again or at_once > 1):
                return
            due = []
            again = part in unanswered
            at_once = 1 if again else AT_ONCE
    await asyncio.gather(*(_settle(context, one, late) for one in due))


async def _submit(context: Context, person: Person, chosen: Chosen) -> None:
    """Submit what a process noted but did not submit before it died. What fails is logged and stays due."""
    try:
        await submit_chosen(context, person, chosen)
    except Exception as error:
        if is_unavailable(error):
            raise
        log.exception("review %s was not submitted", chosen["key"])


async def _settle(context: Context, review: Review, late: set[Part]) -> Part | Literal[""]:
    """Return the part about which WeChat did not answer, "" if there is none. What fails stays due."""
    try:
        checked = review if review["state"] != "checking" else await _check(context, review, late)
        if checked is not None and checked["state"] != "checking":
            await follow_review(context, checked)
    except _Late as error:
        log.warning("review %s waits for WeChat: %s", review["_id"], error.__cause__)
        late.add(error.part)
        return error.part
    except Exception as error:
        if is_unavailable(error):
            raise
        log.exception("review %s failed", review["_id"])
    return ""


async def _check(context: Context, review: Review, late: set[Part]) -> Review | None:
    """Ask WeChat what it has not said yet. Returns the review as it is afterwards, None if it is gone.

    Raises _Late.
    """
    found: Review | None = review
    if "look" in review and not context.settings.checks_content:
        return await _conclude(context, review, [])
    asks_text = review["text"] and not review["text_said"]
    if asks_text:
        found = await _check_text(context, review)
    if found is not None and found["picture"] and not found["picture_said"] and found["text_said"] != "risky":
        if asks_text and "picture" in late:  # a text does not wait for WeChat's answers about pictures
            return found
        found = await _check_picture(context, found)
    if found is None or found["state"] != "checking":
        return found
    if found["picture_said"] == "pass" and found.get("more"):
        passed = row.next_picture(found["picture"], found["more"])
        return await context.store.reviews.move(found["_id"], passed)
    said = {found[f"{part}_said"] for part in _parts(found)}  # type: ignore[literal-required]
    if "risky" in said:
        return await context.store.reviews.move(found["_id"], row.concluded("refused", _why(found)))
    if "" in said:
        return found
    # If there was nothing for WeChat to check, nobody has looked at the contents yet.
    return await _conclude(context, found, [_why(found)] if "review" in said or not said else [])


async def _conclude(context: Context, review: Review, why: list[str]) -> Review | None:
    """Show what was checked, or hold it with all its reasons: an operator decides about all at once."""
    if review.get("look"):
        why.append(review["look"])
    publisher = await context.store.people.find(review["person_id"]) if review["code"] else None
    if publisher is not None and ban_of(publisher, context.clock.now_ms()) is not None:
        why.append(BANNED)
    end = row.concluded("held" if why else "shown", "；".join(why))
    return await context.store.reviews.move(review["_id"], end)


class _Late(Exception):
    """WeChat did not answer about this part of a review."""

    def __init__(self, part: Part) -> None:
        self.part = part
        super().__init__()


def _parts(review: Review) -> list[Part]:
    return [part for part in PARTS if review[part]]


def _why(review: Review) -> str:
    """Return in words what WeChat objects to, for the publisher and the operator."""
    names: dict[Part, str] = {"text": "文字", "picture": "图片"}
    bad = "risky" if "risky" in (review["text_said"], review["picture_said"]) else "review"
    parts = "和".join(names[part] for part in _parts(review) if review[f"{part}_said"] == bad)  # type: ignore[literal-required]
    risks = f"，涉及{'、'.join(review['risks'])}" if review["risks"] else ""
    if bad == "risky":
        return f"{parts}没有通过微信的内容检查{risks}"
    return f"微信的内容检查认为{parts}需要人工看一看{risks}"


async def _check_text(context: Context, review: Review) -> Review | None:
    result = UNCHECKED
    if context.settings.checks_content:
        scene = FORUM if review["code"] else PROFILE
        try:
            result = await context.wechat.check_text(review["openid"], scene, seen(review["text"]))
        except WeChatBusy as error:
            raise _Late("text") from error
        except WeChatError:
            log.exception("WeChat refuses the text of review %s: an operator has to check it", review["_id"])
    return await _note(context, review, "text", result)


async def _check_picture(context: Context, review: Review) -> Review | None:
    """Note the result that WeChat pushed. Without a result, ask for one, or wait if one is still to come."""
    reviews = context.store.reviews
    until_ms = review["asked_at"] + RESULT_MS
    if not context.settings.checks_content:
        return await _note(context, review, "picture", UNCHECKED)
    found = await context.store.media_checks.find_first(review["traces"]) if review["traces"] else None
    if found is None and review["traces"] and context.clock.now_ms() < until_ms:
        await reviews.again(review, until_ms)
        return review
    if found is None:
        asked = await _ask_about_picture(context, review)
        if asked is None or asked["picture_said"]:
            return asked
        # The result may have come before the trace_id was noted.
        found = await context.store.media_checks.find_first(asked["traces"])
        if found is None:
            return asked
    return await reviews.move(review["_id"], row.said("picture", found["said"], found["risk"]))


async def _ask_about_picture(context: Context, review: Review) -> Review | None:
    """Ask WeChat to check the picture. If WeChat refuses, or never pushed a result, an operator looks."""
    if len(review["traces"]) >= ASKS:
        return await _note(context, review, "picture", UNCHECKED)
    scene = FORUM if review["code"] else PROFILE
    now_ms = context.clock.now_ms()
    # Others may not see the picture yet, so its path is signed. WeChat may load it while we wait for a
    # result.
    url = context.settings.public_url + signed_path(context, review["picture"], 2 * RESULT_MS)
    try:
        trace_id = await context.wechat.check_picture(review["openid"], scene, url)
    except WeChatBusy as error:
        raise _Late("picture") from error
    except WeChatError:
        log.exception("WeChat refuses the picture of review %s: an operator has to check it", review["_id"])
        trace_id = None
    if trace_id is None:
        return await _note(context, review, "picture", UNCHECKED)
    return await context.store.reviews.move(review["_id"], row.asked(trace_id, now_ms, now_ms + RESULT_MS))


async def _note(context: Context, review: Review, part: Part, result: Result) -> Review | None:
    return await context.store.reviews.move(review["_id"], row.said(part, result.suggest, result.risk))


async def take_event(context: Context, event: Event) -> None:
    """Take what WeChat pushed. Only results of pictures matter here. A repeated event changes nothing."""
    if event.kind != MEDIA_CHECK or not event.trace_id:
        return
    check = MediaCheck(_id=event.trace_id, said=event.checked.suggest, risk=event.checked.risk)
    await context.store.media_checks.add(check, context.clock.now_ms())
    await context.store.reviews.move_all({"traces": event.trace_id}, row.wake())


async def follow_review(context: Context, review: Review) -> None:
    """Do what follows from the end of a check or a decision. Safe to repeat."""
    if review["code"]:
        await _apply_to_task(context, review)
    else:
        await _apply_to_person(context, review)
    # A bad text says nothing against the picture beside it.
    if review["state"] == "refused" and review["picture_said"] in ("review", "risky"):
        await context.store.files.refuse(review["picture"], review["person_id"], context.clock.now_ms())
    if review["state"] == "held" or (review["state"] == "refused" and not review["code"]):
        await context.store.reviews.again(review, None)
    else:
        await context.store.reviews.delete(review)


async def _apply_to_person(context: Context, review: Review) -> None:
    people = context.store.people
    person_id = review["person_id"]
    number = review.get("choice", 0)
    picture = review.get("wxheadpic")
    if review["state"] == "shown":
        await people.show_choice(person_id, number, review.get("wxname"), picture)
        await name_earlier_digs(context, person_id)
    elif review["state"] == "refused":
        await people.drop_choice(person_id, number)
    person = await people.find(person_id)
    if person is None:
        return
    if picture is not None and person.get("wxheadpic") == picture:
        await context.store.files.keep(picture, None)  # kept for good: the person's digs show it
    if "chosen" in person and person["chosen"]["number"] > number:
        # A newer choice was noted, and the process may have died before it submitted this choice.
        await submit_chosen(context, person, person["chosen"])


async def _apply_to_task(context: Context, review: Review) -> None:
    code = review["code"]
    tasks = context.store.tasks
    edited = review.get("edited", 0)
    by = review["history"][-1]["by"]  # who ended the review
    opens = opening.opened_by_review(context.settings.task_days * DAY_MS, edited).made_by(by)
    if review["state"] == "held":
        await context.store.moderation.hold(code, review["why"], edited)
    elif review["state"] == "refused":
        refused = await tasks.move(code, opening.refused(review["why"], edited).made_by(by))
        # Else it had ended before, for another reason.
        if refused is not None and refused["end_reason"] == "refused":
            await announce_end(context, code)
    elif not await tasks.moves(code, opens):
        await tasks.moves(code, opening.shown(edited).made_by(by))
    await announce_changed(context, code)
    if review["state"] != "held" and context.cash is not None:
        await context.cash.use_payment(code)
